import { slugOf } from './call-service.js'
import { attemptTexts, problemTexts, wrongCodeTexts } from './problem-texts.js'

/**
 * The sentence for the user about a problem, with its details.
 * @param {import('./call-service.js').Problem} problem
 */
export function describeProblem(problem) {
  const { attemptsRemaining, errors = [], reason } = problem
  const text = Object.entries(problemTexts).find(([slug]) => slug === slugOf(problem))?.[1]
  if (attemptsRemaining === 0 || attemptsRemaining === 1) return wrongCodeTexts[attemptsRemaining]
  if (attemptsRemaining !== undefined) return `${text} You can try ${attemptsRemaining} more times.`
  if (reason !== undefined) return attemptTexts[reason]
  if (errors.length > 0) return `Please check: ${errors.map(describeError).join('; ')}.`
  return text ?? problemTexts.unknown
}

/** @param {{ pointer: string, detail: string }} error */
const describeError = ({ pointer, detail }) => `${pointer.split('/').at(-1)} ${detail}`
