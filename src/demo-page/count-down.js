/**
 * Counts seconds down, from now on: tells how many are left each time that changes, last of all 0. Returns what stops it.
 * It goes by the clock and not by its ticks, which rest while a phone sleeps.
 * @param {number} seconds
 * @param {(left: number) => void} tell
 */
export function countDown (seconds, tell) {
  const end = Date.now() + seconds * 1000
  /** @type {number | undefined} */
  let timer
  function tick () {
    const left = Math.max(0, end - Date.now())
    if (left > 0) timer = setTimeout(tick, left % 1000 || 1000)
    tell(Math.ceil(left / 1000))
  }
  tick()
  return () => clearTimeout(timer)
}

/**
 * Seconds as on a clock: 0:27, 14:05, 1:00:00.
 * @param {number} seconds
 */
export function spellSeconds (seconds) {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return parts.slice(seconds < 3600 ? 1 : 0).map((part, at) => at === 0 ? part : String(part).padStart(2, '0')).join(':')
}
