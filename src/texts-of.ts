import { hasRoomForLogin, type Texts } from './domain/code-text.ts'
import { septets } from './domain/gsm7.ts'
import type { Wording } from './domain/wording.ts'
import { wordingsIn, wordingsWith } from './wordings.ts'

/**
 * What all texts have in common: `folder` has the operator's own words. Throws an Error of one line that names the variable,
 * and where there is one the file, which won't do.
 */
export function textsOf ({ folder, codeLength, ...common }: Omit<Texts, 'wordings'> & { folder: string | undefined, codeLength: number }): Texts {
  const own = folder === undefined ? [] : ownWordings(folder)
  const texts = { ...common, wordings: wordingsWith(own) }
  for (const wording of own) {
    const { language, login, confirmation } = wording
    // What doesn't fit in another language is said in it.
    if (language === 'en' && septets([...login, ...confirmation].join('')) === Infinity) throw new Error("SMS_MESSAGES won't do: en.json may hold only characters of GSM 03.38")
    if (!hasRoomForLogin(texts, wording, codeLength)) throw new Error(`SMS_MESSAGES won't do: ${language}.json has no login that fits one text message with SMS_BRAND and SMS_ORIGIN`)
  }
  if (!hasRoomForLogin(texts, texts.wordings[0], codeLength)) throw new Error("SMS_ORIGIN won't do: with SMS_BRAND it is too long for one text message")
  return texts
}

function ownWordings (folder: string): Wording[] {
  try {
    return wordingsIn(folder)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException // What is thrown there is always an Error.
    throw new Error(`SMS_MESSAGES won't do: ${code === undefined ? message : 'it must be a folder that can be read'}`)
  }
}
