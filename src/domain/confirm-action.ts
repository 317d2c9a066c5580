import { isDeepStrictEqual } from 'node:util'
import type { Caller } from './caller.ts'
import { isFresh, isOpen } from './challenge.ts'
import { unixTime } from './clock.ts'
import { refuseLocked } from './code-lock.ts'
import { roomForSentence } from './code-text.ts'
import type { Subject } from './confirmation.ts'
import { fillTemplate, whyNotData } from './confirmation-template.ts'
import { septets } from './gsm7.ts'
import { openChallenge, type OpenChallengePorts } from './open-challenge.ts'
import { pendingCode, type PendingCode } from './pending-code.ts'
import { Refusal } from './refusal.ts'
import type { SessionRef } from './session.ts'
import { settle } from './spend.ts'
import type { Users } from './user.ts'

export type ConfirmActionPorts = OpenChallengePorts & { users: Users, codeLength: number }

/** Who asks, by their access token: `authTime` in whole seconds since 1970, `amr` as RFC 8176 names what was checked. */
export type Asker = SessionRef & { authTime: number, amr: readonly string[] }

export type Action = Pick<Subject, 'action' | 'data' | 'reference'>

/** `replaced`: another confirmation of this action was pending, and is over. */
export type PendingConfirmation = PendingCode & { text: string, replaced: boolean }

/**
 * Texts what the person is about to do, in the operator's words, with a code that confirms just that (EU RTS 2018/389 Art. 5).
 * The same again while its text is fresh sends no second one; anything else replaces it.
 * Throws `reauthentication-required`, `unknown-action`, `invalid-request`, `invalid-token`, `too-many-attempts`,
 * `too-many-texts`, `sms-unavailable`, `sms-undeliverable`.
 */
export async function confirmAction (ports: ConfirmActionPorts, caller: Caller, asker: Asker, action: Action): Promise<PendingConfirmation> {
  const { users, events, clock, policy } = ports
  if (!isRecent(asker, policy.confirmationMaxAge, clock())) throw new Refusal('reauthentication-required', { maxAge: policy.confirmationMaxAge })
  const subject = { ...action, text: sentence(ports, action), sessionId: asker.id, authTime: asker.authTime }
  const purpose = `confirm:${action.action}` as const
  // Again when another of the person's requests was faster.
  for (;;) {
    const { spending, result: found } = await users.findForConfirmation(asker, purpose, caller.toll, clock())
    settle(ports, caller, spending)
    if (found === null) throw new Refusal('invalid-token')
    const { user, challenge: previous } = found
    const { phone } = user
    if (phone === null) throw new Refusal('sms-undeliverable')
    refuseLocked(user, policy.limits.codeFailures, clock())
    if (isFresh(previous, clock()) && isDeepStrictEqual(previous.subject, subject)) {
      return { ...pendingCode(previous, phone, false, clock()), text: subject.text, replaced: false }
    }
    const replaced = previous !== null && isOpen(previous, clock())
    const pending = await openChallenge(ports, caller, { ...user, phone }, { purpose, subject }, previous)
    if (pending === null) continue
    events.record({ name: 'action.asked', caller, userId: user.id, sessionId: asker.id, action: action.action })
    return { ...pending, text: subject.text, replaced }
  }
}

const isRecent = ({ authTime, amr }: Asker, maxAge: number, now: Date) => amr.includes('mfa') && authTime + maxAge > unixTime(now)

/** What the person will read. Throws when there are no such words, or when they don't fit one text with any code and lifetime. */
function sentence ({ policy, codeLength }: ConfirmActionPorts, { action, data }: Action): string {
  const template = policy.confirmationTemplates.get(action)
  if (template === undefined) throw new Refusal('unknown-action')
  const wrong = whyNotData(template, data, codeLength)
  if (wrong.length > 0) throw new Refusal('invalid-request', { errors: wrong.map(({ name, detail }) => ({ path: ['data', name], detail })) })
  const text = fillTemplate(template, data)
  const wrongInAll = whyNotSentence(text, roomForSentence(policy.texts, codeLength))
  if (wrongInAll !== undefined) throw new Refusal('invalid-request', { errors: [{ path: ['data'], detail: wrongInAll }] })
  return text
}

/** What may be wrong with values that are right one by one. */
function whyNotSentence (text: string, room: number): string | undefined {
  if (septets(text) > room) return 'is too long for one text message'
  // Browsers go by the first of these in a text, wherever it stands; ours is the last.
  return /(^|\s)@\S+ #\S/.test(text) ? 'must not look like an autofill line, @domain #code' : undefined
}
