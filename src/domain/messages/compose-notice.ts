import { segments } from './gsm7.ts'
import { isolateBrand } from './isolate-brand.ts'
import { matchLanguage } from './match-language.ts'
import { noticeNames, noticePlaceholders, type Notice, type NoticeName } from './notice.ts'
import { fillPlaceholders, type Wording } from './wording.ts'

/** The settings of messages that notices depend on. English comes first. */
type NoticeSettings = { brand: string; wordings: readonly [Wording, ...Wording[]] }

/**
 * Composes a notice of one segment, in the first of `languages` that is available. It uses the
 * first version that fits. If the language lacks the notice, or no version fits, it is in English.
 */
export function composeNotice(
  settings: NoticeSettings,
  languages: readonly string[],
  { name, values }: Notice
): string {
  const [english] = settings.wordings
  const own = matchLanguage(settings.wordings, languages) ?? english
  const candidates = [own, english].flatMap(wording => versionsIn(settings, wording, name, values))
  const text = candidates.find(fits) ?? candidates.at(-1)
  if (text === undefined) throw new Error(`the English messages lack notices.${name}`)
  return text
}

/**
 * The notices of this language of which no version fits one segment with any values. They are sent
 * in English.
 */
export const noticesWithoutRoom = (settings: NoticeSettings, wording: Wording): NoticeName[] =>
  noticeNames.filter(
    name =>
      wording.notices[name] !== undefined &&
      !versionsIn(settings, wording, name, noticePlaceholders[name]).some(fits)
  )

/** The notice in each version of one language. */
const versionsIn = (
  { brand }: NoticeSettings,
  wording: Wording,
  name: NoticeName,
  values: Readonly<Record<string, string>>
) =>
  (wording.notices[name] ?? []).map(version =>
    fillPlaceholders(version, { brand: isolateBrand(wording, brand), ...values })
  )

const fits = (text: string) => segments(text) === 1
