import { askCode, stopAsking } from './ask-code.js'
import { byId } from './by-id.js'
import { callService } from './call-service.js'
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
  onTokens (expiresIn) {
    stopCounting()
    stopCounting = countDown(expiresIn, left => {
      byId('token-life', HTMLElement).textContent = `Access token good for ${spellSeconds(left)}`
    })
  },
  onOver: askPassword
})

/**
 * Back to the first step, with what led there.
 * @param {Problem} [problem]
 */
function askPassword (problem) {
  stopCounting()
  stopAsking()
  password.value = ''
  showStatus('')
  showProblem(form, problem)
  showStep('Log in', username.value === '' ? username : password)
}

form.addEventListener('submit', event => {
  event.preventDefault()
  once(form, async () => {
    showStatus('')
    showProblem(form)
    /** @type {import('./call-service.js').Answer<Schemas['PendingCode']>} */
    const { data, problem } = await callService('POST', '/login', { body: { username: username.value, password: password.value } })
    password.value = ''
    if (data !== undefined) return askLoginCode(data)
    showProblem(form, problem)
    password.focus()
  })
})

/** @param {Schemas['PendingCode']} pending */
function askLoginCode (pending) {
  let { challengeToken } = pending
  askCode({
    step: 'Step 2 of 2',
    pending,
    async verify (code) {
      /** @type {import('./call-service.js').Answer<Schemas['Tokens']>} */
      const { data, problem } = await callService('POST', '/verify', { body: { challengeToken, code } })
      if (data !== undefined) {
        session.begin(data)
        await showAccount(session)
      }
      return problem
    },
    async resend () {
      /** @type {import('./call-service.js').Answer<Schemas['PendingCode']>} */
      const { data, problem } = await callService('POST', '/resend', { body: { challengeToken } })
      challengeToken = data?.challengeToken ?? challengeToken
      return { data, problem }
    },
    giveUp: askPassword
  })
}

const refresh = byId('refresh', HTMLButtonElement)
refresh.addEventListener('click', () => once(refresh, async () => {
  const problem = await session.refresh()
  showProblem(byId('me-card', HTMLElement), problem)
  if (problem !== undefined) return
  await showSessions(session)
  showStatus('Refreshed: this page has new tokens, and the old refresh token is used up.')
}))

const logOut = byId('log-out', HTMLButtonElement)
logOut.addEventListener('click', () => once(logOut, async () => {
  await session.end()
  askPassword()
  showStatus('You are logged out.')
}))

watchTransfer(session, problem => {
  // The new login begins a session of its own, and nobody would end this one.
  session.end()
  askPassword(problem)
})
