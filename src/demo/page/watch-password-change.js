import { byId } from './by-id.js'
import { slugOf } from './call-service.js'
import { markInvalid } from './mark-invalid.js'
import { offerToShow } from './offer-to-show.js'
import { onSubmit } from './on-submit.js'
import { accountTexts } from './problem-texts.js'
import { showSessions } from './show-account.js'
import { showProblem } from './show-problem.js'
import { showStatus } from './show-status.js'

const form = byId('change-password', HTMLFormElement)
const current = byId('current-password', HTMLInputElement)
const next = byId('new-password', HTMLInputElement)
offerToShow(byId('show-passwords', HTMLButtonElement), current, next)

/**
 * Changes the password whenever the form is submitted.
 * @param {import('./show-account.js').Session} session
 */
export function watchPasswordChange(session) {
  onSubmit(form, async () => {
    const { problem } = await session.call('POST', '/me/password', {
      currentPassword: current.value,
      newPassword: next.value
    })
    if (problem === undefined) {
      form.reset()
      await showSessions(session)
      return showStatus('Your password has been changed. All other sessions have ended.')
    }
    showProblem(form, problem, accountTexts)
    if (slugOf(problem) === 'invalid-credentials') markInvalid(current)
    if (slugOf(problem) === 'invalid-request') markInvalid(next)
  })
}
