import type { LastCode } from '../domain/codes/last-code.ts'
import { formatMinute } from './format-minute.ts'

/** What became of a code, for example `sent 2026-01-31 12:00Z, delivered; used`. */
export function formatCode(code: LastCode): string {
  const time = formatMinute(code.at)
  if (code.state === 'void') return `not sent at ${time}: ${whyVoid(code)}`
  if (code.delivery === 'none') return `without a message since ${time}; ${stateOf(code)}`
  return `sent ${time}, ${deliveryOf(code)}; ${stateOf(code)}`
}

/** Why a user did not get their code. Undefined if nothing says that they didn't. */
export function whyNotDelivered(code: LastCode): string | undefined {
  if (code.state === 'void') return whyVoid(code)
  return code.delivery === 'failed' ? deliveryOf(code) : undefined
}

function whyVoid({ delivery, deliveryReason }: LastCode): string {
  if (delivery === 'none') return 'a rate limit refused the message'
  if (delivery === 'failed') return `Twilio did not accept the message (${deliveryReason})`
  return 'Twilio did not confirm the message'
}

const deliveryNames = {
  none: 'never sent',
  unknown: 'accepted by Twilio',
  queued: 'on its way',
  sent: 'with the carrier',
  failed: 'not delivered',
  delivered: 'delivered'
} as const

const deliveryOf = ({ delivery, deliveryReason }: LastCode) =>
  deliveryNames[delivery] + (deliveryReason === null ? '' : ` (${deliveryReason})`)

function stateOf({ state, codeExpiresAt, attemptsLeft }: LastCode): string {
  switch (state) {
    case 'open':
      return [
        `valid until ${formatMinute(codeExpiresAt)}`,
        `${attemptsLeft} attempts left`,
        'earlier codes are void'
      ].join(', ')
    case 'code-expired':
      return `expired ${formatMinute(codeExpiresAt)}, another can be requested`
    case 'expired':
      return 'expired, the user has to start again'
    case 'out-of-attempts':
      return 'ended by wrong codes, the user has to start again'
    case 'void':
      return 'void'
    case 'used':
      return 'used, or ended by a change of the account'
  }
}
