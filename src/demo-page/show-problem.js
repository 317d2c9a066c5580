import { slugOf } from './call-service.js'
import { countDown, spellSeconds } from './count-down.js'
import { problemTexts } from './problem-texts.js'
import { showStatus } from './show-status.js'

/** @typedef {import('./call-service.js').Problem} Problem */

/** @type {WeakMap<Element, () => void>} */
const waits = new WeakMap()

/**
 * Says within a part of the page what went wrong, and how long to wait where that helps; with nothing, takes that back.
 * @param {HTMLElement} part
 * @param {Problem} [problem]
 */
export function showProblem (part, problem) {
  const [alert, wait] = [part.querySelector('[role=alert]'), part.querySelector('.wait')]
  if (alert === null || wait === null) throw new Error('The page has no place for a problem here')
  waits.get(part)?.()
  wait.textContent = ''
  alert.textContent = problem === undefined ? '' : textOf(problem)
  if (problem === undefined) return
  showStatus('')
  // Beside the alert, which would be read out anew each second.
  if (problem.retryAfter !== undefined && problem.retryAfter > 1 && problem.reason !== 'codes-off') {
    waits.set(part, countDown(problem.retryAfter, left => { wait.textContent = left === 0 ? 'You can try again now.' : `You can try again in ${spellSeconds(left)}.` }))
  }
}

/** @param {Problem} problem */
function textOf (problem) {
  const text = problemTexts[slugOf(problem) ?? ''] ?? 'Something went wrong. Please try again later.'
  return typeof text === 'string' ? text : text(problem)
}
