import { askCode, stopAsking } from './ask-code.js'
import { byId } from './by-id.js'
import { callService, slugOf } from './call-service.js'
import { countDown, spellSeconds } from './count-down.js'
import { holdSession } from './hold-session.js'
import { once } from './once.js'
import { showAccount, showSessions } from './show-account.js'
import { showProblem } from './show-problem.js'
import { showStatus } from './show-status.js'
import { showStep } from './show-step.js'
import { watchTransfer } from './watch-transfer.js'

/** @typedef {import('./call-service.js').Problem} Problem */
/** @typedef {import('./call-service.js').Schemas} Schemas */

const form = byId('log-in', HTMLFormElement)
const username = byId('username', HTMLInputElement)
const password = byId('password', HTMLInputElement)
let stopCounting = () => {}

const session = holdSession({
  onTokens(expiresIn) {
    stopCounting()
    stopCounting = countDown(expiresIn, left => {
      byId('token-life', HTMLElement).textContent = `Access token expires in ${spellSeconds(left)}`
    })
  },
  onOver: askPassword
})

/**
 * Goes back to the first step and shows the problem, if any, that led there.
 * @param {Problem} [problem]
 */
function askPassword(problem) {
  stopCounting()
  stopAsking()
  showPassword(false)
  password.value = ''
  showStatus('')
  showProblem(form, problem)
  showStep('Log in', username.value === '' ? username : password)
}

const showButton = byId('show-password', HTMLButtonElement)
showButton.addEventListener('click', () => showPassword(password.type === 'password'))

/** @param {boolean} visible */
function showPassword(visible) {
  password.type = visible ? 'text' : 'password'
  showButton.textContent = visible ? 'Hide password' : 'Show password'
}

form.addEventListener('submit', event => {
  event.preventDefault()
  once(form, async () => {
    showStatus('')
    showProblem(form)
    /** @type {import('./call-service.js').Result<Schemas['Challenge']>} */
    const { data, problem } = await callService('POST', '/login', {
      body: { username: username.value, password: password.value }
    })
    if (data !== undefined) {
      showPassword(false)
      password.value = ''
      return askLoginCode(data)
    }
    showProblem(form, problem)
    password.focus()
    // Selected, so that typing replaces a wrong password. After an outage, the user resubmits it.
    if (slugOf(problem) === 'invalid-credentials') password.select()
  })
})

/** @param {Schemas['Challenge']} pending */
function askLoginCode(pending) {
  let { challengeToken } = pending
  askCode({
    step: 'Step 2 of 2',
    pending,
    async verify(code) {
      /** @type {import('./call-service.js').Result<Schemas['Tokens']>} */
      const { data, problem } = await callService('POST', '/verify', {
        body: { challengeToken, code }
      })
      if (data !== undefined) {
        session.begin(data)
        await showAccount(session)
      }
      return problem
    },
    async resend() {
      /** @type {import('./call-service.js').Result<Schemas['Challenge']>} */
      const { data, problem } = await callService('POST', '/resend', { body: { challengeToken } })
      challengeToken = data?.challengeToken ?? challengeToken
      return { data, problem }
    },
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
    askPassword()
    showStatus('You are logged out.')
  })
)

watchTransfer(session, problem => {
  // The next login starts a new session, so this one must be ended.
  session.end()
  askPassword(problem)
})
