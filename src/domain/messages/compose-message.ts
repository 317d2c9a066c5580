import { matchLanguage } from './match-language.ts'
import { noticesWithoutRoom } from './compose-notice.ts'
import { segments, segmentsAtMost, septets } from './gsm7.ts'
import { isolateBrand } from './isolate-brand.ts'
import { fillPlaceholders, formatDuration, type CodeMessage, type Wording } from './wording.ts'

/** Settings that all messages share. */
export type MessageSettings = {
  /** The name of the sender in the message. */
  brand: string
  /** The domain in the autofill line; null for no such line. */
  origin: string | null
  /** The hash of the Android app that may read the messages (SMS Retriever); null for no app. */
  androidHash: string | null
  /** English comes first, because it is the fallback. */
  wordings: readonly [Wording, ...Wording[]]
  /** Maximum segments of a confirmation. Other messages always have one. */
  confirmationSegments: number
}

/**
 * The variable parts of a message. `lifetime` is in seconds. `sentence` is what the code of a
 * confirmation confirms; null for other kinds.
 */
type MessageContent = {
  kind: CodeMessage
  code: string
  lifetime: number
  sentence: string | null
}

/**
 * Composes the message with a code, in the first of `languages` that is available. The code comes
 * first, so that notifications show it. A message takes one segment, and a confirmation as few as
 * the language allows. A message that is too long is shortened in this order: it uses a shorter
 * version of the wording, a confirmation drops the app hash, and the language falls back to
 * English. The autofill line always stays.
 */
export function composeMessage(
  settings: MessageSettings,
  languages: readonly string[],
  { kind, code, lifetime, sentence }: MessageContent
): string {
  const [english] = settings.wordings
  const own = matchLanguage(settings.wordings, languages) ?? english
  const hashes = kind === 'confirmation' ? [settings.androidHash, null] : [settings.androidHash]
  const choice = [own, english].flatMap(wording => {
    const candidates = hashes.flatMap(hash =>
      messagesIn(settings, wording, kind, {
        code,
        time: formatDuration(wording, lifetime),
        sentence,
        hash
      }).map(text => ({ text, hash }))
    )
    return segmentCounts(settings, kind).flatMap(maxSegments =>
      candidates.map(candidate => ({ ...candidate, maxSegments }))
    )
  })
  const { text = '' } =
    choice.find(({ text, hash, maxSegments }) => fits(text, hash, maxSegments)) ??
    choice.at(-1) ??
    {}
  return text
}

/**
 * Whether a message of this kind in this language fits one segment with any code, or is left to
 * English. Without `lifetime`, it must fit with every lifetime.
 */
export function hasRoomForCode(
  settings: MessageSettings,
  wording: Wording,
  kind: Exclude<CodeMessage, 'confirmation'>,
  codeLength: number,
  lifetime?: number
): boolean {
  if (wording[kind].length === 0) return true
  const time = lifetime === undefined ? wording.longestTime : formatDuration(wording, lifetime)
  const hash = settings.androidHash
  const filling = { ...anyCode(codeLength), time, sentence: null, hash }
  return messagesIn(settings, wording, kind, filling).some(text => fits(text, hash, 1))
}

/** Whether a confirmation of this sentence fits with any code and lifetime. */
export const hasRoomForSentence = (
  settings: MessageSettings,
  wording: Wording,
  codeLength: number,
  sentence: string
): boolean =>
  messagesIn(settings, wording, 'confirmation', {
    ...anyCode(codeLength),
    time: wording.longestTime,
    sentence,
    hash: null
  }).some(text => segmentsAtMost(text) <= settings.confirmationSegments)

/**
 * The languages whose messages do not fit, so that their users get English instead. `sentences` are
 * examples of what is confirmed.
 */
export const languagesWithoutRoom = (
  settings: MessageSettings,
  codeLength: number,
  codeTtl: number,
  sentences: readonly string[]
) =>
  settings.wordings
    .map(wording => ({
      language: wording.language,
      login: !hasRoomForCode(settings, wording, 'login', codeLength, codeTtl),
      confirmation: !sentences.every(sentence =>
        hasRoomForSentence(settings, wording, codeLength, sentence)
      ),
      phoneChange: !hasRoomForCode(settings, wording, 'phoneChange', codeLength, codeTtl),
      notices: noticesWithoutRoom(settings, wording).length > 0
    }))
    .filter(
      ({ login, confirmation, phoneChange, notices }) =>
        login || confirmation || phoneChange || notices
    )

const anyCode = (length: number) => ({ code: '0'.repeat(length) })

type Filling = { code: string; time: string; sentence: string | null; hash: string | null }

/**
 * The message in each version of one language. In all versions the sentence is on its own line, so
 * that its content can't be mistaken for ours.
 */
const messagesIn = (
  settings: MessageSettings,
  wording: Wording,
  kind: CodeMessage,
  { code, time, sentence, hash }: Filling
) =>
  wording[kind].map(
    version =>
      fillPlaceholders(version, {
        code,
        brand: isolateBrand(wording, settings.brand),
        time,
        action: sentence ?? ''
      }) + tail(settings, hash, code)
  )

/** The segment counts to try: one, then two, up to the maximum. */
const segmentCounts = ({ confirmationSegments }: MessageSettings, kind: CodeMessage) =>
  Array.from(
    { length: kind === 'confirmation' ? confirmationSegments : 1 },
    (_, index) => index + 1
  )

/**
 * The lines that phones parse. The app hash may be anywhere (SMS Retriever), here on its own line.
 * The autofill line must be the last, with nothing after it (WICG, Origin-bound one-time codes).
 */
const tail = ({ origin }: MessageSettings, hash: string | null, code: string) =>
  (hash === null ? '' : `\n${hash}`) + (origin === null ? '' : `\n@${origin} #${code}`)

/** With an app hash, the limit is 140 bytes in either encoding (SMS Retriever). */
const fits = (text: string, hash: string | null, maxSegments: number) =>
  hash === null
    ? segments(text) <= maxSegments
    : segments(text) === 1 && (septets(text) <= 140 || septets(text) === Infinity)
