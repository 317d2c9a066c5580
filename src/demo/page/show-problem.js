import { countDown, spellSeconds } from './count-down.js'
import { describeProblem } from './describe-problem.js'
import { showStatus } from './show-status.js'

/** @typedef {import('./call-service.js').Problem} Problem */

/** @type {WeakMap<Element, () => void>} */
const waits = new WeakMap()

/**
 * Shows a problem within a part of the page, with a countdown when waiting helps. Without a
 * problem, clears both. Either way, no field is marked as invalid any more.
 * @param {HTMLElement} part
 * @param {Problem} [problem]
 * @param {Record<string, string>} [texts] sentences that replace the usual ones, by slug
 */
export function showProblem(part, problem, texts) {
  const [alert, wait] = [part.querySelector('[role=alert]'), part.querySelector('.wait')]
  if (alert === null || wait === null)
    throw new Error('This part of the page has no elements for a problem')
  for (const field of part.querySelectorAll('[aria-invalid]')) field.ariaInvalid = 'false'
  waits.get(part)?.()
  wait.textContent = ''
  alert.textContent = problem === undefined ? '' : describeProblem(problem, texts)
  if (problem === undefined) return
  showStatus('')
  // Outside the alert, because screen readers would announce it again every second.
  if (
    problem.retryAfter !== undefined &&
    problem.retryAfter > 1 &&
    problem.reason !== 'codes-off'
  ) {
    waits.set(
      part,
      countDown(problem.retryAfter, left => {
        wait.textContent =
          left === 0 ? 'You can try again now.' : `You can try again in ${spellSeconds(left)}.`
      })
    )
  }
}
