/**
 * Replaces the decimal digits of any script by ASCII digits and drops all other characters. Phones
 * set to Arabic, Persian or Hindi type their own digits, and the service accepts only ASCII.
 */
export const asciiDigits = (text: string) =>
  (text.match(/\p{Nd}/gu) ?? []).map(digit => valueOf(digit.codePointAt(0) ?? 0)).join('')

// Unicode assigns decimal digits in runs of ten, from zero to nine.
function valueOf(point: number) {
  let zero = point
  while (isDigit(zero - 1)) zero--
  return (point - zero) % 10
}

const isDigit = (point: number) => /\p{Nd}/u.test(String.fromCodePoint(point))
