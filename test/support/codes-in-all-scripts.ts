/** Returns a code in the decimal digits of each script in Unicode, including ASCII. */
export function codesInAllScripts(code: string): string[] {
  const zeros = Array.from({ length: 0x110000 }, (_, point) => point)
    .filter(point => (point < 0xd800 || point > 0xdfff) && isDigit(point))
    .filter((_, index) => index % 10 === 0)
  return zeros.map(zero => code.replaceAll(/\d/g, digit => String.fromCodePoint(zero + +digit)))
}

// Unicode assigns decimal digits in runs of ten, from zero to nine.
const isDigit = (point: number) => /\p{Nd}/u.test(String.fromCodePoint(point))
