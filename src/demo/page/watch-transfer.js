import { askCode } from './ask-code.js'
import { byId } from './by-id.js'
import { describe } from './make.js'
import { onSubmit } from './on-submit.js'
import { readClaims } from './read-claims.js'
import { showCard } from './show-account.js'
import { showProblem } from './show-problem.js'
import { showStatus } from './show-status.js'
import { showStep } from './show-step.js'
import { spellAmount, spellTime } from './spell.js'

/** @typedef {import('./call-service.js').Schemas} Schemas */
/** @typedef {import('./show-account.js').Session} Session */
/**
 * @typedef {object} TransferClaims
 * @property {Record<'amount' | 'currency' | 'payee', string>} data
 * @property {number} iat
 * @property {number} exp
 * @property {string} jti
 */

const form = byId('transfer', HTMLFormElement)

/**
 * Requests the confirmation of a transfer whenever the form is submitted.
 * @param {Session} session
 */
export function watchTransfer(session) {
  onSubmit(form, async () => {
    byId('receipt', HTMLElement).hidden = true
    const data = {
      amount: valueOf('amount'),
      currency: byId('currency', HTMLSelectElement).value,
      payee: valueOf('payee')
    }
    /** @type {import('./call-service.js').Result<Schemas['PendingConfirmation']>} */
    const { data: pending, problem } = await session.call('POST', '/confirmations', {
      action: 'transfer',
      data
    })
    if (pending !== undefined) return askTransferCode(session, pending)
    showProblem(form, problem)
  })
}

/** @param {string} id */
const valueOf = id => byId(id, HTMLInputElement).value.trim()

/**
 * @param {Session} session
 * @param {Schemas['PendingConfirmation']} pending
 */
function askTransferCode(session, pending) {
  let { confirmationToken } = pending
  askCode({
    step: 'You are about to confirm',
    quote: pending.text,
    pending,
    async verify(code) {
      /** @type {import('./call-service.js').Result<Schemas['Receipt']>} */
      const { data, problem } = await session.call('POST', '/confirmations/verify', {
        confirmationToken,
        code
      })
      if (data !== undefined) showReceipt(data)
      return problem
    },
    async resend() {
      /** @type {import('./call-service.js').Result<Schemas['PendingConfirmation']>} */
      const { data, problem } = await session.call('POST', '/confirmations/resend', {
        confirmationToken
      })
      confirmationToken = data?.confirmationToken ?? confirmationToken
      return { data, problem }
    },
    token: () => confirmationToken,
    giveUp: problem => showCard(form, byId('transfer-title', HTMLElement), problem)
  })
}

/** @param {Schemas['Receipt']} receipt */
function showReceipt({ receipt }) {
  const claims = readClaims(receipt)
  const { data, iat, exp, jti } = receiptClaims(claims)
  byId('receipt', HTMLElement).hidden = false
  byId('receipt-rows', HTMLElement).replaceChildren(
    ...[
      ['Amount', `${spellAmount(data.amount)} ${data.currency}`],
      ['Payee', data.payee],
      ['Confirmed', spellTime(iat * 1000)],
      ['Valid until', spellTime(exp * 1000)],
      ['Receipt ID', jti]
    ].map(describe)
  )
  byId('receipt-claims', HTMLElement).textContent = JSON.stringify(claims, null, 2)
  showStatus('')
  showStep('Logged in', byId('receipt-title', HTMLElement))
}

/**
 * The claims of a transfer's receipt, as this service signs them.
 * @param {any} claims
 * @returns {TransferClaims}
 */
const receiptClaims = claims => claims
