import { septets } from './gsm7.ts'
import { noticeNames, noticePlaceholders, type NoticeName } from './notice.ts'

/** The kinds of messages with a code. */
export type CodeMessage = 'login' | 'confirmation' | 'phoneChange'

/** The messages in one language. Each has several versions, the longest first. */
export type Wording = {
  /** A BCP 47 tag in its canonical form. */
  language: string
  login: readonly string[]
  confirmation: readonly string[]
  /** Goes to a new number. Sent in English if there is no version. */
  phoneChange: readonly string[]
  /** A notice that is missing is sent in English. */
  notices: Readonly<Partial<Record<NoticeName, readonly string[]>>>
  minutes: Plurals
  seconds: Plurals
  /** The longest phrase for a lifetime in this language. */
  longestTime: string
}

/** Forms by category of `Intl.PluralRules`, for the categories that lifetimes need. */
type Plurals = Readonly<Partial<Record<Intl.LDMLPluralRule, string>>>

/** The lifetime of a code in words: in minutes when they are whole, otherwise in seconds. */
export function formatDuration(
  { language, minutes, seconds }: Pick<Wording, 'language' | 'minutes' | 'seconds'>,
  lifetime: number
): string {
  const [count, forms] = lifetime % 60 === 0 ? [lifetime / 60, minutes] : [lifetime, seconds]
  const category = rulesOf(language).select(count)
  const form = forms[category]
  if (form === undefined)
    throw new Error(
      `has no ${forms === minutes ? 'minutes' : 'seconds'}.${category}, which ${count} needs`
    )
  return form.replace('{count}', String(count))
}

/** Fills the placeholders of a version. Placeholders inside the values are not filled. */
export const fillPlaceholders = (version: string, values: Readonly<Record<string, string>>) =>
  version.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => values[name] ?? placeholder)

/** Validates the messages of one language. Throws an Error that explains what is wrong. */
export function parseWording(words: Omit<Wording, 'longestTime'>): Wording {
  for (const name of ['login', 'phoneChange'] as const) {
    for (const version of words[name])
      checkVersion(
        name,
        version,
        ['code', 'brand', 'time'],
        /^\{code\} [^\n]*$/u,
        'be one line that begins with {code} and a space'
      )
  }
  for (const version of words.confirmation) {
    checkVersion(
      'confirmation',
      version,
      ['code', 'brand', 'action', 'time'],
      /^\{code\} [^\n]*\n\{action\}\n[^\n]+$/u,
      'have three lines: one that begins with {code} and a space, {action} alone, and one more'
    )
  }
  for (const name of noticeNames) {
    for (const version of words.notices[name] ?? [])
      checkVersion(
        `notices.${name}`,
        version,
        ['brand', ...Object.keys(noticePlaceholders[name])],
        /^[^\n]+$/u,
        'be one line'
      )
  }
  for (const unit of ['minutes', 'seconds'] as const) {
    for (const [category, form = ''] of Object.entries(words[unit])) {
      if (/[{}\p{C}]/u.test(form.replace('{count}', '')))
        throw new Error(`may contain only {count} and plain words in ${unit}.${category}`)
    }
  }
  const times = Array.from({ length: 600 }, (_, index) => formatDuration(words, index + 1))
  if (new Set(times).size < times.length)
    throw new Error('has the same words for two lifetimes; a form lacks {count}')
  const size = (text: string) => (septets(text) === Infinity ? text.length : septets(text))
  return {
    ...words,
    longestTime: times.reduce((longest, time) => (size(time) > size(longest) ? time : longest))
  }
}

function checkVersion(
  name: string,
  version: string,
  placeholders: string[],
  form: RegExp,
  must: string
) {
  const found = [...version.matchAll(/\{(\w*)\}/g)].map(([, placeholder = '']) => placeholder)
  const unknown = found.find(placeholder => !placeholders.includes(placeholder))
  if (unknown !== undefined) throw new Error(`has the unknown placeholder {${unknown}} in ${name}`)
  const missing = placeholders.find(
    placeholder => found.filter(other => other === placeholder).length !== 1
  )
  if (missing !== undefined)
    throw new Error(`must have {${missing}} exactly once in each version of ${name}`)
  if (!form.test(version)) throw new Error(`has an invalid version of ${name}: each must ${must}`)
  // Invisible characters can break lines. Some phones take @ and # for an autofill line.
  if (/[{}@#]|(?!\n)\p{C}/u.test(version.replaceAll(/\{\w*\}/g, '')))
    throw new Error(`must not contain braces, @, # or invisible characters in ${name}`)
}

const rulesOf = (language: string) => {
  const rules = known.get(language) ?? new Intl.PluralRules(language)
  known.set(language, rules)
  return rules
}

// Cached, because creating one takes as long as a hundred calls of `select`.
const known = new Map<string, Intl.PluralRules>()
