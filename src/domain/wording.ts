import { septets } from './gsm7.ts'

/** What the texts of one language say. Of each there are versions, the fullest first. */
export type Wording = {
  /** A BCP 47 tag in its canonical form. */
  language: string
  login: readonly string[]
  confirmation: readonly string[]
  minutes: Plurals
  seconds: Plurals
  /** The longest that a lifetime comes out in it. */
  longestTime: string
}

/** By the categories of `Intl.PluralRules`, as far as the language has them for the numbers there are. */
type Plurals = Readonly<Partial<Record<Intl.LDMLPluralRule, string>>>

/** The life of a code, as a person would say it. */
export function spell ({ language, minutes, seconds }: Pick<Wording, 'language' | 'minutes' | 'seconds'>, lifetime: number): string {
  const [count, forms] = lifetime % 60 === 0 ? [lifetime / 60, minutes] : [lifetime, seconds]
  const category = rulesOf(language).select(count)
  const form = forms[category]
  if (form === undefined) throw new Error(`has no ${forms === minutes ? 'minutes' : 'seconds'}.${category}, which ${count} needs`)
  return form.replace('{count}', String(count))
}

/** A version with its placeholders filled. What is filled in is not looked at for more of them. */
export const fillVersion = (version: string, values: Readonly<Record<string, string>>) =>
  version.replaceAll(/\{(\w+)\}/g, (placeholder, name: string) => values[name] ?? placeholder)

/** Checks what somebody wrote for a language. Throws an Error that says what is wrong with it. */
export function readWording (words: Omit<Wording, 'longestTime'>): Wording {
  for (const version of words.login) checkVersion('login', version, ['code', 'brand', 'time'], /^\{code\} [^\n]*$/u, 'be one line that begins with {code} and a space')
  for (const version of words.confirmation) {
    checkVersion('confirmation', version, ['code', 'brand', 'action', 'time'], /^\{code\} [^\n]*\n\{action\}\n[^\n]+$/u, 'be three lines: one that begins with {code} and a space, {action} alone, and one more')
  }
  for (const unit of ['minutes', 'seconds'] as const) {
    for (const [category, form = ''] of Object.entries(words[unit])) {
      if (/[{}\p{C}]/u.test(form.replace('{count}', ''))) throw new Error(`has in ${unit}.${category} what is neither {count} nor plain words`)
    }
  }
  const times = Array.from({ length: 600 }, (_, index) => spell(words, index + 1))
  if (new Set(times).size < times.length) throw new Error('says the same of two lifetimes: a form lacks its {count}')
  const size = (text: string) => septets(text) === Infinity ? text.length : septets(text)
  return { ...words, longestTime: times.reduce((longest, time) => size(time) > size(longest) ? time : longest) }
}

function checkVersion (name: string, version: string, placeholders: string[], form: RegExp, must: string) {
  const there = [...version.matchAll(/\{(\w*)\}/g)].map(([, placeholder = '']) => placeholder)
  const stranger = there.find(placeholder => !placeholders.includes(placeholder))
  if (stranger !== undefined) throw new Error(`has in ${name} the unknown placeholder {${stranger}}`)
  const missing = placeholders.find(placeholder => there.filter(other => other === placeholder).length !== 1)
  if (missing !== undefined) throw new Error(`has in ${name} a version without {${missing}}, or with two of them`)
  if (!form.test(version)) throw new Error(`has in ${name} a version that won't do: it must ${must}`)
  // Of what can't be seen nobody knows what it does to a line; of @ and # some phones would make an autofill line.
  if (/[{}@#]|(?!\n)\p{C}/u.test(version.replaceAll(/\{\w*\}/g, ''))) throw new Error(`has in ${name} a brace, @, # or a character that can't be seen`)
}

const rulesOf = (language: string) => {
  const rules = known.get(language) ?? new Intl.PluralRules(language)
  known.set(language, rules)
  return rules
}

// Making one takes as long as a hundred answers of it.
const known = new Map<string, Intl.PluralRules>()
