/** Converts a decimal digit of any script to ASCII. Unicode assigns digits in runs from 0 to 9. */
export function asciiDigit(digit: string): string {
  const point = digit.codePointAt(0) ?? 0
  let zero = point
  // Runs of ten may be adjacent, as with mathematical digits, hence the remainder.
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--
  return String((point - zero) % 10)
}
