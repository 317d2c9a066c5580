// GSM 03.38: what fits into the cheap encoding of a text message, 160 septets of it into one segment.
const basic = new Set('@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà')
const extended = new Set('\f^{}\\[~]|€')

/** The septets of one text message. */
export const segment = 160

/** How many septets a text takes; Infinity when a character of it is in neither table. */
export const septets = (text: string) =>
  [...text].reduce((sum, character) => sum + (basic.has(character) ? 1 : extended.has(character) ? 2 : Infinity), 0)

/** Whether a text is a single message: so many septets at most or, with a character of neither table, 70 units of UTF-16. */
export const isOneSegment = (text: string, septetsAtMost = segment) =>
  septets(text) <= septetsAtMost || (septets(text) === Infinity && text.length <= 70)
