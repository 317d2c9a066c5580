/**
 * Finds the code in the user's input: `042 137`, `042-137` or the whole message. Digits may be of
 * any script.
 * @param {string} text
 * @param {number} length
 */
export function readCodeText(text, length) {
  const plain = text.normalize('NFKC').replaceAll(/\p{Nd}/gu, asciiDigit)
  const whole = new RegExp(`(?<!\\d)\\d{${length}}(?!\\d)`).exec(plain)
  return whole?.[0] ?? plain.replaceAll(/\D/g, '').slice(0, length)
}

/**
 * Unicode assigns decimal digits in runs of ten, from zero to nine.
 * @param {string} digit
 */
function asciiDigit(digit) {
  const point = digit.codePointAt(0) ?? 0
  let zero = point
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--
  return String((point - zero) % 10)
}
