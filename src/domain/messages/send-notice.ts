import type { Events } from '../events.ts'
import type { Policy } from '../policy.ts'
import { randomId } from '../random-id.ts'
import type { RequestContext } from '../request-context.ts'
import { composeNotice } from './compose-notice.ts'
import type { Notice } from './notice.ts'
import type { Sms } from './sms.ts'

export type SendNoticePorts = {
  sms: Sms
  /** The ISO code of a number's country; "none" if it has none. */
  countryOf: (phone: string) => string
  events: Events
  policy: Policy
}

/** A notice, the user that it is about, and the number that it goes to. */
export type NewNotice = {
  userId: string
  to: string
  /** The languages to write it in, the preferred one first. English if none is available. */
  languages: readonly string[]
  notice: Notice
}

/** Twilio's maximum, in seconds. A notice is useful even after a night without signal. */
const validFor = 36_000

/**
 * Sends a notice about a change of an account. Returns at once and never throws. The change is done
 * whether or not the notice arrives, so no response waits for the SMS provider. The result is an
 * event. The process completes running sends when it stops.
 *
 * A notice consumes no rate limit, because an exhausted one would hide the change from the user.
 * The caller has to limit how often a user causes the change.
 */
export function sendNotice(
  { sms, countryOf, events, policy }: SendNoticePorts,
  context: RequestContext | null,
  { userId, to, languages, notice }: NewNotice
): void {
  const body = composeNotice(policy.messages, languages, notice)
  const facts = { context, userId, notice: notice.name, country: countryOf(to) }
  // `send` never rejects.
  void sms.send({ id: randomId(), to, body, validFor, context, userId }).then(outcome => {
    events.record(
      outcome === 'accepted'
        ? { name: 'notice.sent', ...facts }
        : { name: 'notice.send_failed', ...facts, reason: outcome }
    )
  })
}
