import { askCode, stopAsking } from './ask-code.js'
import { byId } from './by-id.js'
import { callService, slugOf } from './call-service.js'
import { countDown, spellSeconds } from './count-down.js'
import { holdSession } from './hold-session.js'
import { offerToShow } from './offer-to-show.js'
import { onSubmit } from './on-submit.js'
import { once } from './once.js'
import { resendCode } from './resend-code.js'
import { showAccount, showSessions } from './show-account.js'
import { showProblem } from './show-problem.js'
import { showStatus } from './show-status.js'
import { showStep } from './show-step.js'
import { watchLanguage } from './watch-language.js'
import { watchNumberChange } from './watch-number-change.js'
import { watchPasswordChange } from './watch-password-change.js'
import { watchTransfer } from './watch-transfer.js'

/** @typedef {import('./call-service.js').Problem} Problem */
/** @typedef {import('./call-service.js').Schemas} Schemas */

const form = byId('log-in', HTMLFormElement)
const username = byId('username', HTMLInputElement)
const password = byId('password', HTMLInputElement)
const hidePassword = offerToShow(byId('show-password', HTMLButtonElement), password)
let stopCounting = () => {}

const session = holdSession({
  onTokens(expiresIn) {
    stopCounting()
    stopCounting = countDown(expiresIn, left => {
      byId('token-life', HTMLElement).textContent = `Access token expires in ${spellSeconds(left)}`
    })
  },
  onOver(problem) {
    clearForms()
    askPassword(problem)
  },
  onOldLogin(problem) {
    // The next login starts a new session, so this one must be ended.
    session.end()
    askPassword(problem)
  }
})

/**
 * Goes back to the first step and shows the problem, if any, that led there.
 * @param {Problem} [problem]
 */
function askPassword(problem) {
  stopCounting()
  stopAsking()
  hidePassword()
  password.value = ''
  byId('change-password', HTMLFormElement).reset()
  showStatus('')
  showProblem(form, problem)
  showStep('Log in', username.value === '' ? username : password)
}

/** Clears what the user entered into the forms of the account, because the next user may see it. */
function clearForms() {
  for (const entered of document.forms) if (entered !== form) entered.reset()
}

onSubmit(form, async () => {
  /** @type {import('./call-service.js').Result<Schemas['Challenge']>} */
  const { data, problem } = await callService('POST', '/login', {
    body: { username: username.value, password: password.value }
  })
  if (data !== undefined) {
    hidePassword()
    password.value = ''
    return askLoginCode(data)
  }
  showProblem(form, problem)
  password.focus()
  // Selected, so that typing replaces a wrong password. After an outage, the user resubmits it.
  if (slugOf(problem) === 'invalid-credentials') password.select()
})

/** @param {Schemas['Challenge']} pending */
function askLoginCode(pending) {
  askCode({
    step: 'Step 2 of 2',
    pending,
    async verify(code) {
      /** @type {import('./call-service.js').Result<Schemas['Tokens']>} */
      const { data, problem } = await callService('POST', '/verify', {
        body: { challengeToken: pending.challengeToken, code }
      })
      if (data !== undefined) {
        session.begin(data)
        await showAccount(session)
      }
      return problem
    },
    resend: () => resendCode(pending),
    token: () => pending.challengeToken,
    giveUp: askPassword
  })
}

const refresh = byId('refresh', HTMLButtonElement)
refresh.addEventListener('click', () =>
  once(refresh, async () => {
    const problem = await session.refresh()
    showProblem(byId('me-card', HTMLElement), problem)
    if (problem !== undefined) return
    await showSessions(session)
    showStatus('Refreshed. This page has new tokens, and the old refresh token no longer works.')
  })
)

const logOut = byId('log-out', HTMLButtonElement)
logOut.addEventListener('click', () =>
  once(logOut, async () => {
    await session.end()
    clearForms()
    askPassword()
    showStatus('You are logged out.')
  })
)

watchPasswordChange(session)
watchNumberChange(session)
watchLanguage(session)
watchTransfer(session)
