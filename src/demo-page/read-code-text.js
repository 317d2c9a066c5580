/**
 * The code in what somebody typed or pasted: `042 137`, `042-137`, or the whole text message.
 * @param {string} text
 * @param {number} length
 */
export function readCodeText (text, length) {
  const plain = text.normalize('NFKC')
  const whole = new RegExp(`(?<!\\d)\\d{${length}}(?!\\d)`).exec(plain)
  return whole?.[0] ?? plain.replaceAll(/\D/g, '').slice(0, length)
}
