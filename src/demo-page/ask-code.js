import { byId } from './by-id.js'
import { slugOf } from './call-service.js'
import { countDown, spellSeconds } from './count-down.js'
import { once } from './once.js'
import { readCodeText } from './read-code-text.js'
import { showProblem } from './show-problem.js'
import { showStatus } from './show-status.js'
import { showStep } from './show-step.js'

/** @typedef {import('./call-service.js').Problem} Problem */
/** @typedef {Omit<import('./call-service.js').Schemas['PendingCode'], 'challengeToken'>} Pending */

/**
 * What the code is for.
 * @typedef {object} Purpose
 * @property {string} step what stands above the heading
 * @property {string} [quote] the sentence that is confirmed
 * @property {Pending} pending
 * @property {(code: string) => Promise<Problem | undefined>} verify goes on by itself where it succeeds
 * @property {() => Promise<import('./call-service.js').Answer<Pending>>} resend
 * @property {(problem?: Problem) => void} giveUp with the problem that ended it, or because the person wants to
 */

const form = byId('code-form', HTMLFormElement)
const field = byId('code', HTMLInputElement)
const life = byId('code-life', HTMLElement)
const resendButton = byId('code-resend', HTMLButtonElement)

/** @type {Purpose | undefined} */
let purpose
/** @type {(() => void)[]} */
let countDowns = []
let listening = new AbortController()

/**
 * Asks for the code of a text message.
 * @param {Purpose} asked
 */
export function askCode (asked) {
  purpose = asked
  byId('code-step', HTMLElement).textContent = asked.step
  const quote = byId('code-quote', HTMLElement)
  quote.hidden = asked.quote === undefined
  quote.textContent = asked.quote ?? ''
  showStatus('')
  clearProblem()
  showPending(asked.pending)
  showStep('Enter the code', field)
}

/** @param {Pending} pending */
function showPending ({ destination, codeLength, codeExpiresIn, resendIn, sent }) {
  stopAsking()
  byId('code-sent', HTMLElement).textContent = sent
    ? `We have texted ${codeLength} digits to ${destination}.`
    : `The text that was sent to ${destination} a moment ago is still good: its ${codeLength} digits are asked for, and no second one went out.`
  field.value = ''
  field.maxLength = codeLength
  field.pattern = `[0-9]{${codeLength}}`
  field.title = `${codeLength} digits`
  countDowns = [
    countDown(codeExpiresIn, left => {
      life.textContent = left === 0 ? 'The code is too old now.' : `Good for ${spellSeconds(left)}`
      if (left > 0) return
      // That other digits were wrong doesn't matter any more.
      if (field.ariaInvalid === 'true') clearProblem()
      showStatus('The code is too old now. Have a new one sent.')
    }),
    countDown(resendIn, left => {
      resendButton.disabled = left > 0
      resendButton.textContent = left === 0 ? 'Send a new code' : `New code in ${spellSeconds(left)}`
    })
  ]
  listen()
}

function clearProblem () {
  showProblem(form)
  field.ariaInvalid = 'false'
}

/** Stops all that would go on behind another step. */
export function stopAsking () {
  for (const stop of countDowns) stop()
  listening.abort()
}

/** Where the browser can read the text, it asks the person, fills the code in and sends it off: WebOTP. */
async function listen () {
  if (!('OTPCredential' in window)) return
  listening = new AbortController()
  const options = { otp: { transport: ['sms'] }, signal: listening.signal }
  try {
    const credential = await navigator.credentials.get(options)
    if (credential === null || !('code' in credential)) return
    field.value = readCodeText(String(credential.code), field.maxLength)
    form.requestSubmit()
  } catch {
    // Aborted, declined or not to be had: the person types it.
  }
}

form.addEventListener('submit', event => {
  event.preventDefault()
  once(form, async () => {
    listening.abort()
    clearProblem()
    const problem = await purpose?.verify(field.value)
    if (problem === undefined) return stopAsking()
    const slug = slugOf(problem)
    if (slug === 'challenge-ended' || (slug === 'wrong-code' && problem.attemptsRemaining === 0)) return giveUp(problem)
    showProblem(form, problem)
    field.ariaInvalid = String(slug === 'wrong-code' || slug === 'invalid-request')
    field.select()
    if (slug === 'code-expired' && !resendButton.disabled) resendButton.focus()
    else field.focus()
  })
})

resendButton.addEventListener('click', () => once(resendButton, async () => {
  const { data, problem } = await purpose?.resend() ?? {}
  if (slugOf(problem) === 'challenge-ended') return giveUp(problem)
  clearProblem()
  if (problem !== undefined) showProblem(form, problem)
  if (data === undefined) return
  showPending(data)
  showStatus('A new code is on its way. The old one is no longer good.')
  field.focus()
}))

byId('code-back', HTMLButtonElement).addEventListener('click', () => giveUp())

/** @param {Problem} [problem] */
function giveUp (problem) {
  stopAsking()
  field.value = ''
  purpose?.giveUp(problem)
}

field.addEventListener('input', () => { field.value = readCodeText(field.value, field.maxLength) })
field.addEventListener('paste', event => {
  // Before the browser cuts it off at maxlength, spaces and all.
  event.preventDefault()
  field.value = readCodeText(event.clipboardData?.getData('text') ?? '', field.maxLength)
})
