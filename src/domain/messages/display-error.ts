import { septets } from './gsm7.ts'

/**
 * Why a text can't be shown unchanged in a message; undefined when it can. Letters of any script
 * are allowed. Invisible characters are not, because the user would confirm them unseen, and they
 * can change how the rest is displayed.
 */
export function displayError(text: string): string | undefined {
  if (/[\n\r\f\u0085\u2028\u2029]/.test(text)) return 'must be on one line'
  if (!text.isWellFormed()) return 'must be valid Unicode'
  if (septets(text) < Infinity) return undefined
  const visible = text.replaceAll(joiner, '')
  // Bidirectional controls (UAX 9) and other invisible characters, such as fillers.
  if (/[\p{C}\p{Default_Ignorable_Code_Point}]/u.test(visible))
    return 'must not contain invisible or control characters'
  if (text !== text.normalize('NFC')) return 'must be in Unicode Normalization Form C (NFC)'
  if (/[^\p{L}\p{M}\p{N}\p{P}\p{Sc}\p{Sm} \u3000^`|~©®°™№]/u.test(visible))
    return 'may contain only letters, digits, punctuation, currency symbols and ordinary spaces'
  // A combining mark on a space or a digit, or too many of them, could strike out adjacent text.
  if (/(?<![\p{L}\p{M}])\p{M}|[\u0334-\u0338\u20d0-\u20ff]|\p{Me}|\p{M}{5}/u.test(visible))
    return 'must not contain combining marks that are not part of a letter'
  if (text.split(/[^\p{L}\p{M}]+/u).some(isMixed)) return 'must not mix alphabets within a word'
  return undefined
}

/**
 * Persian and the scripts of India need joiners. They are allowed between Arabic letters and after
 * a virama, as in domain names (RFC 5892, appendix A).
 */
const viramas = '\\u094d\\u09cd\\u0a4d\\u0acd\\u0b4d\\u0bcd\\u0c4d\\u0ccd\\u0d4d\\u0dca'
const joiner = new RegExp(
  `(?<=\\p{Script=Arabic})\\u200c(?=\\p{Script=Arabic})|(?<=[${viramas}])[\\u200c\\u200d]`,
  'gu'
)

/** Alphabets with letters that look alike. A word that mixes two of them may be spoofed. */
const alike = ['Latin', 'Cyrillic', 'Greek', 'Armenian', 'Cherokee', 'Coptic', 'Lisu'].map(
  script => new RegExp(`\\p{Script=${script}}`, 'u')
)
const isMixed = (word: string) => alike.filter(script => script.test(word)).length > 1
