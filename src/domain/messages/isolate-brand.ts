import type { Wording } from './wording.ts'

/**
 * The brand as it is written in a message of this language. In right-to-left text, a brand that
 * begins or ends with a digit or a symbol would be reordered: 7-Eleven would become Eleven-7. An
 * isolate (UAX 9) prevents this.
 */
export const isolateBrand = ({ language }: Pick<Wording, 'language'>, brand: string) =>
  isRightToLeft(language) && !/^[A-Za-z](.*[A-Za-z0-9])?$/.test(brand)
    ? `\u2068${brand}\u2069`
    : brand

const isRightToLeft = (language: string) =>
  /^(Adlm|Arab|Hebr|Nkoo|Rohg|Syrc|Thaa)$/.test(new Intl.Locale(language).maximize().script ?? '')
