import { byId } from './by-id.js'
import { slugOf } from './call-service.js'
import { countDown, spellSeconds } from './count-down.js'
import { once } from './once.js'
import { readCodeText } from './read-code-text.js'
import { showProblem } from './show-problem.js'
import { showStatus } from './show-status.js'
import { showStep } from './show-step.js'
import { spellPhone } from './spell.js'
import { watchDelivery } from './watch-delivery.js'

/** @typedef {import('./call-service.js').Problem} Problem */
/** @typedef {import('./watch-delivery.js').Status} Status */
/** @typedef {Omit<import('./call-service.js').Schemas['Challenge'], 'challengeToken'>} Pending */

/**
 * What the code is for.
 * @typedef {object} Purpose
 * @property {string} step the text above the heading
 * @property {string} [quote] the sentence to confirm
 * @property {Pending} pending
 * @property {Record<string, string>} [texts] sentences that replace those of `problemTexts`
 * @property {(code: string) => Promise<Problem | undefined>} verify continues by itself on success
 * @property {() => Promise<import('./call-service.js').Result<Pending>>} resend
 * @property {() => string} token the newest one, for POST /challenge
 * @property {(problem?: Problem) => void} giveUp without a problem when the user goes back
 */

const form = byId('code-form', HTMLFormElement)
const field = byId('code', HTMLInputElement)
const life = byId('code-life', HTMLElement)
const verifyButton = byId('code-verify', HTMLButtonElement)
const resendButton = byId('code-resend', HTMLButtonElement)

/** @type {Purpose | undefined} */
let purpose
// Not set as maxlength, because digits of some scripts take two UTF-16 units until converted.
let length = 0
/** @type {(() => void)[]} */
let countDowns = []
let listening = new AbortController()
let expired = false
let resendWait = 0

/**
 * Asks the user for the code from the message.
 * @param {Purpose} asked
 */
export function askCode(asked) {
  purpose = asked
  byId('code-step', HTMLElement).textContent = asked.step
  const quote = byId('code-quote', HTMLElement)
  quote.hidden = asked.quote === undefined
  quote.textContent = asked.quote ?? ''
  showStatus('')
  showProblem(form)
  showPending(asked.pending)
  showStep('Enter the code', field)
}

/** @param {Pending} pending */
function showPending({ destination, codeLength, codeExpiresIn, resendIn, sent }) {
  stopAsking()
  byId('code-sent', HTMLElement).textContent = sent
    ? `We sent a ${codeLength}-digit code to your number ${spellPhone(destination)}.`
    : `The ${codeLength}-digit code we just sent to your number ${spellPhone(destination)} ` +
      'still works. Please enter that one.'
  field.value = ''
  length = codeLength
  field.pattern = `[0-9]{${codeLength}}`
  field.title = `${codeLength} digits`
  const stopWaiting = countDown(resendIn, left => {
    resendWait = left
    showButtons()
  })
  countDowns = [
    countDown(codeExpiresIn, left => {
      expired = left === 0
      life.textContent = expired ? '' : `Expires in ${spellSeconds(left)}`
      if (expired) reportExpiry()
      showButtons()
    }),
    stopWaiting,
    watchDelivery(
      () => purpose?.token() ?? '',
      status => {
        stopWaiting()
        resendWait = 0
        showButtons()
        reportFailure(status)
      }
    )
  ]
  listen()
}

/** Reports the expiry once, in place of the countdown and of an earlier problem. */
function reportExpiry() {
  if (form.ariaBusy === 'true') return // The response is still to come.
  showProblem(form, problemOf('code-expired'))
}

/**
 * A problem that the service has not sent.
 * @param {string} slug
 */
const problemOf = slug => ({
  type: `/problems/${slug}`,
  title: '',
  status: 0,
  detail: '',
  instance: ''
})

/**
 * Says that the message has not arrived, and whether another one could.
 * @param {Status} status
 */
function reportFailure({ deliveryReason }) {
  const isHopeless = deliveryReason === 'not-mobile' || deliveryReason === 'blocked'
  showProblem(form, problemOf(isHopeless ? 'sms-undeliverable' : 'undelivered'), {
    ...purpose?.texts,
    undelivered: 'Your carrier could not deliver the code. Send another.'
  })
}

/** Enables only the buttons that can succeed, and makes the next step the primary button. */
function showButtons() {
  verifyButton.disabled = expired || form.ariaBusy === 'true'
  verifyButton.classList.toggle('main', !expired)
  resendButton.disabled = resendWait > 0 || resendButton.ariaBusy === 'true'
  resendButton.classList.toggle('main', expired)
  resendButton.textContent =
    resendWait === 0 ? 'Send a new code' : `New code in ${spellSeconds(resendWait)}`
}

/** Stops the countdowns and WebOTP before another step is shown. */
export function stopAsking() {
  for (const stop of countDowns) stop()
  listening.abort()
}

/**
 * With WebOTP, the browser asks the user for permission, fills in the code and submits the form.
 */
async function listen() {
  if (!('OTPCredential' in window)) return
  listening = new AbortController()
  const options = { otp: { transport: ['sms'] }, signal: listening.signal }
  try {
    const credential = await navigator.credentials.get(options)
    if (credential === null || !('code' in credential)) return
    field.value = readCodeText(String(credential.code), length)
    form.requestSubmit()
  } catch {
    // Aborted, declined or unavailable. The user types the code.
  }
}

form.addEventListener('submit', async event => {
  event.preventDefault()
  await once(form, async () => {
    listening.abort()
    showProblem(form)
    const problem = await purpose?.verify(field.value)
    if (problem === undefined) return stopAsking()
    const slug = slugOf(problem)
    if (slug === 'challenge-ended' || (slug === 'wrong-code' && problem.attemptsRemaining === 0))
      return giveUp(problem)
    showProblem(form, problem, purpose?.texts)
    field.ariaInvalid = String(slug === 'wrong-code' || slug === 'invalid-request')
    if (slug === 'code-expired') expired = true
    field.focus()
    field.select()
  })
  showButtons()
  if (expired && !resendButton.disabled && form.checkVisibility()) resendButton.focus()
})

resendButton.addEventListener('click', async () => {
  await once(resendButton, async () => {
    const { data, problem } = (await purpose?.resend()) ?? {}
    if (slugOf(problem) === 'challenge-ended') return giveUp(problem)
    showProblem(form, problem, purpose?.texts)
    if (data === undefined) return
    showPending(data)
    showStatus('A new code is on its way. The old one no longer works.')
    field.focus()
  })
  showButtons()
})

byId('code-back', HTMLButtonElement).addEventListener('click', () => giveUp())

/** @param {Problem} [problem] */
function giveUp(problem) {
  stopAsking()
  field.value = ''
  purpose?.giveUp(problem)
}

field.addEventListener('input', () => {
  field.value = readCodeText(field.value, length)
})
field.addEventListener('paste', event => {
  // The user may paste the whole message.
  event.preventDefault()
  field.value = readCodeText(event.clipboardData?.getData('text') ?? '', length)
})
