import { septets } from './gsm7.ts'

/** The values for a template, by placeholder. */
export type ConfirmationData = Readonly<Record<string, string | number>>

/** The sentence for one kind of action, with `{placeholders}` for what differs each time. */
export type ConfirmationTemplate = { sentence: string, placeholders: readonly string[] }

/** Why a value won't do, by placeholder. */
export type WrongValues = { name: string, detail: string }[]

const placeholder = /\{([A-Za-z][A-Za-z0-9_]*)\}/g

/** Reads an operator's sentence. Throws an Error that says what is wrong with it. */
export function readTemplate (sentence: string): ConfirmationTemplate {
  const placeholders = [...sentence.matchAll(placeholder)].map(([, name = '']) => name)
  const words = sentence.replaceAll(placeholder, '')
  if (/[{}]/.test(words)) throw new Error('has a brace that is no {placeholder}')
  if (new Set(placeholders).size < placeholders.length) throw new Error('has a placeholder twice')
  // Values are looked at one by one: what they touch could make a link or a code of them.
  if (/[\p{L}\d.:-]\{|\}(?:[\p{L}\d{-]|\.\S)/u.test(sentence)) throw new Error('has a {placeholder} that touches a word, a number or another one: put a space between')
  if (placeholders.length === 0) throw new Error('has no {placeholder}: what is confirmed must be in it')
  if (/[\n\r\f]/.test(words) || septets(words) === Infinity) throw new Error('may hold only characters of GSM 03.38, on one line')
  return { sentence, placeholders }
}

/** The sentence as the person will read it. Values stand in it as they were given. */
export const fillTemplate = ({ sentence }: ConfirmationTemplate, data: ConfirmationData) =>
  sentence.replaceAll(placeholder, (_, name: string) => String(data[name]))

/** What is wrong with the values for a template: none are missing, none are left over, and each is what `whyNotValue` allows. */
export function whyNotData ({ placeholders }: ConfirmationTemplate, data: Record<string, unknown>, codeLength: number): WrongValues {
  const unknown = Object.keys(data).filter(name => !placeholders.includes(name)).map(name => ({ name, detail: 'is not a placeholder of this action' }))
  const wrong = placeholders.flatMap(name => {
    const detail = Object.hasOwn(data, name) ? whyNotValue(data[name], codeLength) : 'is required'
    return detail === undefined ? [] : [{ name, detail }]
  })
  return [...wrong, ...unknown]
}

const longest = 64

/**
 * Why a value can't stand in a text; undefined when it can. It may be anything that a person reads as it is, but nothing that
 * a phone or a person could take for a line of ours, a link or a code.
 */
function whyNotValue (value: unknown, codeLength: number): string | undefined {
  if (typeof value === 'number') return isAsGiven(value) ? undefined : 'must be a number of up to 15 digits that can be written out; send it as a string'
  if (typeof value !== 'string') return 'must be a string or a number'
  if (value === '' || value.length > longest) return `must have 1 to ${longest} characters`
  if (/^ | $| {2}/.test(value)) return 'must not begin or end with a space, nor have two in a row'
  if (/[\n\r\f]/.test(value) || septets(value) === Infinity) return 'may hold only characters of GSM 03.38, on one line'
  if (/:\/\/|[\p{L}\d-]\.\p{L}{2,}/u.test(value) || isAddress(value)) return 'must not look like a link'
  // Of an amount nobody thinks it were a code; of digits among words, somebody might.
  if (looksLikeCode(value, codeLength) && !/^[\d.,' ]+$/.test(value)) return `must not hold ${codeLength} digits in a row, like a code`
  return undefined
}

/** JSON's numbers lose digits beyond the fifteenth before we see them: the person would read, and sign, another number. */
const isAsGiven = (value: number) => /^-?\d+(\.\d+)?$/.test(String(value)) && String(value).replaceAll(/\D/g, '').length <= 15

/** Of four numbers, as phones make a link of it too; an amount in groups of three digits is none. */
const isAddress = (value: string) => /(?<![\d.])\d{1,3}(\.\d{1,3}){3}(?![\d.])/.test(value) && !/^\d{1,3}(\.\d{3})+(,\d+)?$/.test(value)

/** Whether so many digits stand in it, in a row or as two halves. */
function looksLikeCode (value: string, length: number): boolean {
  const half = Math.floor(length / 2)
  return new RegExp(`(?<!\\d)\\d{${length}}(?!\\d)|(?<!\\d[ -]?)\\d{${half}}[ -]\\d{${length - half}}(?![ -]?\\d)`).test(value)
}
