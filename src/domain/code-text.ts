import type { Subject } from './confirmation.ts'
import { segment, septets } from './gsm7.ts'

/**
 * The text that carries a code, in the words for what the challenge guards. The code comes first, so that it shows in a
 * notification; all is plain GSM-7 in one segment.
 */
export const codeText = ({ subject }: { subject: Pick<Subject, 'text'> | null }, brand: string, code: string, lifetime: number) =>
  subject === null ? loginText(brand, code, lifetime) : confirmationText(brand, code, lifetime, subject.text)

/** The septets that are left in one segment beside a sentence to confirm, with the longest lifetime there is; negative: it doesn't fit. */
export const septetsLeft = (brand: string, codeLength: number, text: string) =>
  segment - septets(confirmationText(brand, '0'.repeat(codeLength), 599, text))

const loginText = (brand: string, code: string, lifetime: number) =>
  `${code} is your ${brand} login code. It is good for ${spell(lifetime)}. Don't share it: we will never ask you for it.`

// The sentence has a line of its own, so that whatever stands in it can't be taken for a word of ours.
const confirmationText = (brand: string, code: string, lifetime: number, sentence: string) =>
  `${code} confirms this with ${brand}:\n${sentence}\nGood for ${spell(lifetime)}. Never share it.`

const spell = (seconds: number) =>
  seconds % 60 === 0 ? plural(seconds / 60, 'minute') : plural(seconds, 'second')

const plural = (count: number, unit: string) => `${count} ${unit}${count === 1 ? '' : 's'}`
