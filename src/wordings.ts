import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { readWording, type Wording } from './domain/wording.ts'

const versions = z.array(z.string()).min(1)
const plurals = z.partialRecord(z.enum(['zero', 'one', 'two', 'few', 'many', 'other']), z.string())
const file = z.strictObject({ login: versions, confirmation: versions, minutes: plurals, seconds: plurals })

/**
 * What the `<language>.json` files in this folder say, as those in `src/messages` do. Throws an Error that names the file
 * which won't do, and why.
 */
export function wordingsIn (folder: string): Wording[] {
  const names = readdirSync(folder).filter(name => name.endsWith('.json')).sort()
  if (names.length === 0) throw new Error('the folder has no file like pt.json in it')
  return names.map(name => {
    try {
      return wordingIn(join(folder, name), name.slice(0, -'.json'.length))
    } catch (error) {
      throw new Error(`${name} ${(error as Error).message}`) // What is thrown there is always an Error.
    }
  })
}

function wordingIn (path: string, language: string): Wording {
  if (!isTag(language)) throw new Error('must be named after a language, like pt.json or pt-BR.json')
  const checked = file.safeParse(fromJson(readFileSync(path, 'utf8')))
  if (checked.success) return readWording({ language, ...checked.data })
  const [issue] = checked.error.issues
  throw new Error(issue?.code === 'unrecognized_keys' ? `has what is not known: ${issue.keys.join(', ')}` : `lacks ${issue?.path.join('.') || 'login, confirmation, minutes and seconds'}, or has it in another form`)
}

function isTag (text: string) {
  try {
    return new Intl.Locale(text).baseName === text
  } catch {
    return false
  }
}

function fromJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error('is no JSON')
  }
}

let ownWordings: Wording[] | undefined

/** The built-in languages, of which `others` replace those that they have as well. English comes first. */
export function wordingsWith (others: readonly Wording[]): [Wording, ...Wording[]] {
  ownWordings ??= wordingsIn(fileURLToPath(new URL('messages/', import.meta.url)))
  const all = new Map([...ownWordings, ...others].map(wording => [wording.language, wording]))
  const english = all.get('en')
  if (english === undefined) throw new Error('messages/en.json is missing')
  all.delete('en')
  return [english, ...all.values()]
}
