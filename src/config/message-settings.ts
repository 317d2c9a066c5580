import { hasRoomForCode, type MessageSettings } from '../domain/messages/compose-message.ts'
import { noticesWithoutRoom } from '../domain/messages/compose-notice.ts'
import { septets } from '../domain/messages/gsm7.ts'
import type { Wording } from '../domain/messages/wording.ts'
import { wordingsIn, wordingsWith } from './message-files.ts'

/**
 * The settings that all messages share. `folder` contains the operator's own wordings. Throws an
 * Error of one line that names the invalid variable and, if it is invalid, the file.
 */
export function createMessageSettings({
  folder,
  codeLength,
  ...common
}: Omit<MessageSettings, 'wordings'> & {
  folder: string | undefined
  codeLength: number
}): MessageSettings {
  const own = folder === undefined ? [] : ownWordings(folder)
  const settings = { ...common, wordings: wordingsWith(own) }
  const [english] = settings.wordings
  for (const wording of own) {
    const { language, login, confirmation, phoneChange, notices } = wording
    const texts = [...login, ...confirmation, ...phoneChange, ...Object.values(notices).flat()]
    // English replaces messages that are too long in another language.
    if (language === english.language && septets(texts.join('')) === Infinity)
      throw new Error(
        `SMS_MESSAGES is invalid: ${language}.json may contain only characters of GSM 03.38`
      )
    const unsendable = kindsOfOneSegment.find(
      kind => !hasRoomForCode(settings, wording, kind, codeLength)
    )
    if (unsendable !== undefined)
      throw new Error(
        `SMS_MESSAGES is invalid: ${language}.json has no ${unsendable} that fits one SMS ` +
          'segment with SMS_BRAND and SMS_ORIGIN'
      )
    const [tooLong] = noticesWithoutRoom(settings, wording)
    if (tooLong !== undefined)
      throw new Error(
        `SMS_MESSAGES is invalid: ${language}.json has no notices.${tooLong} that fits one SMS ` +
          'segment with SMS_BRAND'
      )
  }
  if (!kindsOfOneSegment.every(kind => hasRoomForCode(settings, english, kind, codeLength)))
    throw new Error('SMS_ORIGIN is too long for one SMS segment with SMS_BRAND')
  return settings
}

const kindsOfOneSegment = ['login', 'phoneChange'] as const

function ownWordings(folder: string): Wording[] {
  try {
    return wordingsIn(folder)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException // wordingsIn throws only Errors.
    const reason = code === undefined ? message : 'it must be a readable folder'
    throw new Error(`SMS_MESSAGES is invalid: ${reason}`)
  }
}
