import type { ConfirmationData } from '../codes/transaction-details.ts'
import { displayError } from '../messages/display-error.ts'
import { lookalikeOf } from './lookalikes.ts'

/** The operator's sentence for one action, with `{placeholders}` for the values. */
export type ConfirmationTemplate = { sentence: string; placeholders: readonly string[] }

/** Invalid values, each with its placeholder and the reason. */
type DataErrors = { name: string; detail: string }[]

const placeholder = /\{([A-Za-z][A-Za-z0-9_]*)\}/g

/** Parses an operator's sentence. Throws an Error that explains why it is invalid. */
export function parseTemplate(sentence: string): ConfirmationTemplate {
  const placeholders = [...sentence.matchAll(placeholder)].map(([, name = '']) => name)
  const words = sentence.replaceAll(placeholder, '')
  if (/[{}]/.test(words)) throw new Error('has a brace outside a {placeholder}')
  if (new Set(placeholders).size < placeholders.length) throw new Error('repeats a placeholder')
  // Values are validated separately. Together with adjacent text, one could form a link or a code.
  if (/[\p{L}\p{M}\p{N}.:-]\{|\}(?:[\p{L}\p{M}\p{N}{-]|[.。]\S)/u.test(sentence))
    throw new Error(
      'has a {placeholder} next to a word, a number or another placeholder; put a space between'
    )
  if (placeholders.length === 0)
    throw new Error('has no {placeholder}; it must contain what is confirmed')
  const error = displayError(words)
  if (error !== undefined) throw new Error(error)
  return { sentence, placeholders }
}

/** The sentence with ten characters per value, a low estimate of its length. */
export const exampleOf = ({ sentence }: ConfirmationTemplate) =>
  sentence.replaceAll(placeholder, 'x'.repeat(10))

/** The sentence that the user reads. The values are inserted unchanged. */
export const fillTemplate = ({ sentence }: ConfirmationTemplate, data: ConfirmationData) =>
  sentence.replaceAll(placeholder, (_, name: string) => String(data[name]))

/** Lists missing, unknown and invalid values. Empty when the data fits the template. */
export function dataErrors(
  { placeholders }: ConfirmationTemplate,
  data: Record<string, unknown>,
  codeLength: number
): DataErrors {
  const unknown = Object.keys(data)
    .filter(name => !placeholders.includes(name))
    .map(name => ({ name, detail: 'is not a placeholder of this action' }))
  const invalid = placeholders.flatMap(name => {
    const detail = Object.hasOwn(data, name) ? valueError(data[name], codeLength) : 'is required'
    return detail === undefined ? [] : [{ name, detail }]
  })
  return [...invalid, ...unknown]
}

const maxLength = 64

/**
 * Why a value can't be part of a message; undefined when it can. The user must see exactly this
 * value, and neither the user nor the phone may mistake it for a link, a code or our own text.
 */
function valueError(value: unknown, codeLength: number): string | undefined {
  if (typeof value === 'number')
    return keepsAllDigits(value)
      ? undefined
      : 'must have at most 15 digits and no exponent; send it as a string'
  if (typeof value !== 'string') return 'must be a string or a number'
  if (value === '' || value.length > maxLength) return `must have 1 to ${maxLength} characters`
  if (/^[ \u3000]|[ \u3000]$|[ \u3000]{2}/.test(value))
    return 'must not begin or end with a space, nor contain two spaces in a row'
  const error = displayError(value)
  if (error !== undefined) return error
  const lookalike = lookalikeOf(value, codeLength)
  return lookalike === undefined ? undefined : `must not look like ${lookalike}`
}

/**
 * JSON parsers lose digits beyond the fifteenth, so the user would confirm a different number from
 * the one that was sent.
 */
const keepsAllDigits = (value: number) =>
  /^-?\d+(\.\d+)?$/.test(String(value)) && String(value).replaceAll(/\D/g, '').length <= 15
