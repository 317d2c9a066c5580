import { once } from './once.js'
import { showProblem } from './show-problem.js'
import { showStatus } from './show-status.js'

/**
 * Runs `work` whenever the form is submitted, one at a time. Clears the status and the form's
 * problem first.
 * @param {HTMLFormElement} form
 * @param {() => Promise<void>} work
 */
export function onSubmit(form, work) {
  form.addEventListener('submit', event => {
    event.preventDefault()
    once(form, async () => {
      showStatus('')
      showProblem(form)
      await work()
    })
  })
}
