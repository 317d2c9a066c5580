import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { withoutLikelyScript } from '../domain/messages/language-tags.ts'
import { noticeNames } from '../domain/messages/notice.ts'
import { parseWording, type Wording } from '../domain/messages/wording.ts'
import { parseJson } from './parse-json.ts'

const versions = z.array(z.string()).min(1)
const plurals = z.partialRecord(z.enum(['zero', 'one', 'two', 'few', 'many', 'other']), z.string())
const file = z.strictObject({
  login: versions,
  confirmation: versions,
  phoneChange: versions.default([]),
  notices: z.partialRecord(z.enum(noticeNames), versions).default({}),
  minutes: plurals,
  seconds: plurals
})

/**
 * Reads the `<language>.json` files of a folder, in the format of `src/messages`. Throws an Error
 * that names the first invalid file and the reason.
 */
export function wordingsIn(folder: string): Wording[] {
  const names = readdirSync(folder)
    .filter(name => name.endsWith('.json'))
    .sort()
  if (names.length === 0) throw new Error('the folder contains no file like pt.json')
  return names.map(name => {
    try {
      return wordingIn(join(folder, name), name.slice(0, -'.json'.length))
    } catch (error) {
      // The functions below throw only Errors.
      throw new Error(`${name} ${(error as Error).message}`)
    }
  })
}

function wordingIn(path: string, language: string): Wording {
  if (!isTag(language))
    throw new Error('must be named after a language, like pt.json or pt-BR.json')
  const value = parseJson(readFileSync(path, 'utf8'))
  if (value === undefined) throw new Error('is not valid JSON')
  const checked = file.safeParse(value)
  if (checked.success) return parseWording({ language, ...checked.data })
  const [issue] = checked.error.issues
  if (issue?.code === 'unrecognized_keys')
    throw new Error(`has unknown keys: ${issue.keys.join(', ')}`)
  const where = issue?.path.join('.') || 'login, confirmation, minutes and seconds'
  throw new Error(`lacks ${where}, or has it in the wrong format`)
}

function isTag(text: string) {
  try {
    return new Intl.Locale(text).baseName === text
  } catch {
    return false
  }
}

let builtInWordings: Wording[] | undefined

/**
 * The built-in wordings and those of the operator. The operator's wording replaces the built-in one
 * of the same language (zh-Hans is zh). English comes first and has all messages.
 */
export function wordingsWith(own: readonly Wording[]): [Wording, ...Wording[]] {
  builtInWordings ??= wordingsIn(fileURLToPath(new URL('../messages/', import.meta.url)))
  const all = new Map(
    [...builtInWordings, ...own].map(wording => [withoutLikelyScript(wording.language), wording])
  )
  const english = all.get('en')
  const builtIn = builtInWordings.find(({ language }) => language === 'en')
  if (english === undefined || builtIn === undefined) throw new Error('messages/en.json is missing')
  all.delete('en')
  const completed: Wording = {
    ...english,
    phoneChange: english.phoneChange.length > 0 ? english.phoneChange : builtIn.phoneChange,
    notices: { ...builtIn.notices, ...english.notices }
  }
  return [completed, ...all.values()]
}
