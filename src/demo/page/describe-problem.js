import { slugOf } from './call-service.js'
import { attemptTexts, problemTexts, wrongCodeTexts } from './problem-texts.js'

/**
 * The sentence for the user about a problem, with its details.
 * @param {import('./call-service.js').Problem} problem
 * @param {Record<string, string>} [texts] sentences that replace the usual ones, by slug
 */
export function describeProblem(problem, texts = {}) {
  const { attemptsRemaining, errors = [], reason, retryAfter } = problem
  const usual = Object.entries(problemTexts).find(([slug]) => slug === slugOf(problem))?.[1]
  const text = texts[slugOf(problem) ?? ''] ?? usual
  if (attemptsRemaining === 0 && retryAfter !== undefined) return wrongCodeTexts.locked
  if (attemptsRemaining === 0 || attemptsRemaining === 1) return wrongCodeTexts[attemptsRemaining]
  if (attemptsRemaining !== undefined) return `${text} You can try ${attemptsRemaining} more times.`
  if (reason !== undefined) return attemptTexts[reason]
  if (errors.length > 0) return describeErrors(errors)
  return text ?? problemTexts.unknown
}

/**
 * Some details are sentences for the user. The others continue the name of the field.
 * @param {{ pointer: string, detail: string }[]} errors
 */
function describeErrors(errors) {
  const sentences = errors.map(({ detail }) => detail).filter(detail => detail.endsWith('.'))
  if (sentences.length > 0) return sentences.join(' ')
  const phrases = errors.map(({ pointer, detail }) => `${pointer.split('/').at(-1)} ${detail}`)
  return `Please check: ${phrases.join('; ')}.`
}
