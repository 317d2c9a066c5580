import type { Wording } from './wording.ts'

/**
 * The wording for the first of these languages that has one, if any. The tags may be anything, as callers send them: what is
 * no tag is passed over.
 */
export function findWording (wordings: readonly Wording[], tags: readonly string[]): Wording | undefined {
  return tags.flatMap(widened).map(tag => wordings.find(({ language }) => language === tag)).find(wording => wording !== undefined)
}

/** From a language as it is written in one place to the language as such: zh-TW, zh-Hant-TW, zh-Hant, zh. */
function widened (tag: string): string[] {
  try {
    const { baseName, language } = new Intl.Locale(tag)
    const { baseName: full, script } = new Intl.Locale(tag).maximize()
    return [baseName, full, `${language}-${script}`, language]
  } catch {
    return []
  }
}
