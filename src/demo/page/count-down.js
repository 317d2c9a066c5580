/**
 * Counts seconds down from now. Calls `onChange` with the seconds left whenever they change,
 * finally with 0. Returns a function that stops the countdown. It uses the clock, because timers
 * pause while a phone sleeps.
 * @param {number} seconds
 * @param {(left: number) => void} onChange
 */
export function countDown(seconds, onChange) {
  const end = Date.now() + seconds * 1000
  /** @type {number | undefined} */
  let timer
  function tick() {
    const left = Math.max(0, end - Date.now())
    if (left > 0) timer = setTimeout(tick, left % 1000 || 1000)
    onChange(Math.ceil(left / 1000))
  }
  tick()
  return () => clearTimeout(timer)
}

/**
 * Formats seconds like a clock: 0:27, 14:05, 1:00:00.
 * @param {number} seconds
 */
export function spellSeconds(seconds) {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return parts
    .slice(seconds < 3600 ? 1 : 0)
    .map((part, at) => (at === 0 ? part : String(part).padStart(2, '0')))
    .join(':')
}
