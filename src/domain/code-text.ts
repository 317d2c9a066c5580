import { findWording } from './find-wording.ts'
import { isOneSegment, segment, septets } from './gsm7.ts'
import { fillVersion, spell, type Wording } from './wording.ts'

/** What all texts have in common. */
export type Texts = {
  /** Who they say they are from. */
  brand: string
  /** The domain of the autofill line; null: there is no such line. */
  origin: string | null
  /** Names the Android app that may read them; null: there is none. */
  androidHash: string | null
  /** English first: it is what is left when no other will do. */
  wordings: readonly [Wording, ...Wording[]]
}

/** What one text tells: a code, how many seconds it is good for, and the sentence that it confirms; null for a login. */
type Told = { code: string, lifetime: number, sentence: string | null }

/**
 * The text that carries a code, in the first of `languages` that there are words for. The code comes first, so that it shows
 * in a notification, and all of it is one segment. What is too long gives way in this order: the fuller version of the words;
 * in a confirmation, which is to be read, the hash; and the language, to English. The autofill line stays.
 */
export function codeText (texts: Texts, languages: readonly string[], { code, lifetime, sentence }: Told): string {
  const [english] = texts.wordings
  const own = findWording(texts.wordings, languages) ?? english
  const texted = (wording: Wording, hash: string | null) => versionsOf(wording, sentence).map(version =>
    fillVersion(version, { code, brand: texts.brand, time: spell(wording, lifetime), action: sentence ?? '' }) + tail(texts, hash, code))
  const hashes = sentence === null ? [texts.androidHash] : [texts.androidHash, null]
  const choice = [own, english].flatMap(wording => hashes.flatMap(hash => texted(wording, hash).map(text => ({ text, hash }))))
  const { text = '' } = choice.find(({ text, hash }) => fits(text, hash)) ?? choice.at(-1) ?? {}
  return text
}

/** Whether the shortest version of a wording's login fits with any code and lifetime. */
export function hasRoomForLogin (texts: Texts, wording: Wording, codeLength: number): boolean {
  const code = '0'.repeat(codeLength)
  return wording.login.some(version =>
    fits(fillVersion(version, { code, brand: texts.brand, time: wording.longestTime }) + tail(texts, texts.androidHash, code), texts.androidHash))
}

/** The septets there are for a sentence to confirm, with any code and lifetime; negative: not even for the words around it. */
export function roomForSentence (texts: Texts, codeLength: number): number {
  const [{ confirmation, longestTime: time }] = texts.wordings
  const code = '0'.repeat(codeLength)
  return segment - Math.min(...confirmation.map(version =>
    septets(fillVersion(version, { code, brand: texts.brand, time, action: '' }) + tail(texts, null, code))))
}

// A sentence has a line of its own in all of them, so that whatever stands in it can't be taken for a word of ours.
const versionsOf = ({ login, confirmation }: Wording, sentence: string | null) => sentence === null ? login : confirmation

/**
 * What phones read. The hash may stand anywhere (SMS Retriever), and has a line of its own; the line for
 * autofill is the last, with nothing after it (WICG, Origin-bound one-time codes).
 */
const tail = ({ origin }: Texts, hash: string | null, code: string) =>
  (hash === null ? '' : `\n${hash}`) + (origin === null ? '' : `\n@${origin} #${code}`)

/** With a hash 140 bytes are all, whoever counts them; in UCS-2 a segment has no more than that anyway. */
const fits = (text: string, hash: string | null) => isOneSegment(text, hash === null ? segment : 140)
