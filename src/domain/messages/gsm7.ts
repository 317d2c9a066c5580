// The characters of GSM 03.38. A message with any other character is sent in UCS-2 (UTF-16), which
// has room for less than half as many characters per segment.
const basic = new Set(
  [
    '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?',
    '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà'
  ].join('')
)
const extended = new Set('\f^{}\\[~]|€')

/**
 * The capacity of a single message, and of each segment of a longer one, which also contains a
 * header. In septets or UTF-16 units.
 */
const capacity = { gsm7: { alone: 160, part: 153 }, ucs2: { alone: 70, part: 67 } }

/** The size of a message in septets; Infinity when a character is not in GSM 03.38. */
export const septets = (text: string) =>
  [...text].reduce((sum, character) => sum + septetsOf(character), 0)

const septetsOf = (character: string) =>
  basic.has(character) ? 1 : extended.has(character) ? 2 : Infinity

/** The number of segments that a message is sent in. Each one is billed. */
export function segments(text: string): number {
  const { sizes, total, alone, part } = measure(text)
  if (total <= alone) return 1
  let parts = 1
  let used = 0
  for (const size of sizes) {
    if (used + size > part) {
      parts++
      used = 0
    }
    used += size
  }
  return parts
}

/**
 * The highest number of segments that a message of this length can need, wherever the segments
 * break. Unlike `segments`, it never returns more for a shorter message.
 */
export function segmentsAtMost(text: string): number {
  const { sizes, total, alone, part } = measure(text)
  const unused = Math.max(0, ...sizes) - 1
  return total <= alone ? 1 : Math.ceil((total - unused) / (part - unused))
}

/** The sizes of units that are never split. Twilio keeps combining marks with their letter. */
function measure(text: string) {
  const isGsm7 = septets(text) < Infinity
  const sizes = isGsm7
    ? [...text].map(septetsOf)
    : (text.match(/\P{M}[\p{M}\u200c\u200d]*|\p{M}+/gu) ?? []).map(({ length }) => length)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  return { sizes, total, ...(isGsm7 ? capacity.gsm7 : capacity.ucs2) }
}
