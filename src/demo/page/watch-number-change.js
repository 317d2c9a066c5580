import { askCode } from './ask-code.js'
import { byId } from './by-id.js'
import { slugOf } from './call-service.js'
import { markInvalid } from './mark-invalid.js'
import { onSubmit } from './on-submit.js'
import { accountTexts } from './problem-texts.js'
import { resendCode } from './resend-code.js'
import { showAccount, showCard, showMe } from './show-account.js'
import { showProblem } from './show-problem.js'
import { showStatus } from './show-status.js'

/** @typedef {import('./call-service.js').Schemas['Challenge']} Challenge */
/** @typedef {import('./show-account.js').Session} Session */

const form = byId('change-number', HTMLFormElement)
const number = byId('new-number', HTMLInputElement)

/**
 * Sends a code to the new number whenever the form is submitted.
 * @param {Session} session
 */
export function watchNumberChange(session) {
  onSubmit(form, async () => {
    /** @type {import('./call-service.js').Result<Challenge>} */
    const { data, problem } = await session.call('POST', '/me/phone', { phone: number.value })
    if (data !== undefined) return askNumberCode(session, data)
    showProblem(form, problem, accountTexts)
    const slug = slugOf(problem)
    if (slug === 'invalid-request' || slug === 'sms-undeliverable') markInvalid(number)
  })
}

/**
 * @param {Session} session
 * @param {Challenge} pending
 */
function askNumberCode(session, pending) {
  askCode({
    step: 'Your new number',
    pending,
    texts: accountTexts,
    async verify(code) {
      const { challengeToken } = pending
      const { problem } = await session.call('POST', '/me/phone/verify', { challengeToken, code })
      if (problem === undefined) {
        form.reset()
        await showAccount(session)
        showStatus('Your number has been changed. All other sessions have ended.')
      }
      return problem
    },
    resend: () => resendCode(pending),
    token: () => pending.challengeToken,
    giveUp(problem) {
      showCard(form, byId('change-number-title', HTMLElement), problem)
      // The change may have succeeded although its response was lost.
      if (problem !== undefined) showMe(session)
    }
  })
}
