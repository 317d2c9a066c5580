import { challengeEnded } from '../codes/challenge.ts'
import {
  checkCode,
  checkCodeRefusals,
  type CheckCodePorts,
  type CodeSubmission
} from '../codes/verify-code.ts'
import { sendNotice, type SendNoticePorts } from '../messages/send-notice.ts'
import type { TrackedSms } from '../messages/sms.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import type { SessionUsers } from '../sessions/session-users.ts'
import type { SessionRef } from '../sessions/session.ts'
import type { User } from '../users/user.ts'
import type { PhoneChanges } from './phone-changes.ts'

export type VerifyPhoneChangePorts = CheckCodePorts &
  SendNoticePorts & { users: SessionUsers; phoneChanges: PhoneChanges; sms: TrackedSms }

export const verifyPhoneChangeRefusals = [
  'invalid-token', // The requester's session has ended.
  'not-found', // Another user requested the change.
  ...checkCodeRefusals
] as const satisfies readonly RefusalSlug[]

/**
 * Checks the code of a phone change and changes the number. Ends all other sessions and all pending
 * challenges, and notifies the old number, because the change may be an attacker's (OWASP ASVS
 * 6.3.7). Only one of several concurrent calls succeeds. Throws `verifyPhoneChangeRefusals`.
 */
export async function verifyPhoneChange(
  ports: VerifyPhoneChangePorts,
  context: RequestContext,
  requester: SessionRef,
  submission: CodeSubmission
): Promise<void> {
  const { phoneChanges, sms, events } = ports
  // Checked before an attempt is used, so that other users can't use them up.
  const user = await requireOwnChange(ports, context, requester, submission)
  const { challenge, closed } = await checkCode(
    ports,
    context,
    submission,
    'phone-change',
    (checked, now) => phoneChanges.complete(checked, user, requester, now)
  )
  const { id: userId, phone: oldPhone } = user
  events.record({ name: 'phone.changed', context, userId, sessionId: requester.id })
  for (const { id } of closed.ended)
    events.record({ name: 'session.ended', context, userId, sessionId: id })
  if (oldPhone === null) return
  // A login may have stored its code just before the change. Its message is on its way, although
  // the code has ended. After the response, this process sends no more codes to the old number.
  await sms.settled(oldPhone)
  const tags = [user.locale, challenge.language, ...context.languages]
  sendNotice(ports, context, {
    userId,
    to: oldPhone,
    languages: tags.filter(tag => tag !== null),
    notice: { name: 'phoneChanged', values: { ending: closed.newPhone.slice(-2) } }
  })
}

/** The requester's user. Throws unless the submission is for their pending change. */
async function requireOwnChange(
  { users, challenges, clock }: VerifyPhoneChangePorts,
  context: RequestContext,
  requester: SessionRef,
  { challengeId }: CodeSubmission
): Promise<User> {
  const limits = context.requestLimit.take()
  const found = await users.findForSession(requester, 'phone-change', limits, clock())
  if (found === null) throw new Refusal('invalid-token', { reason: 'session-ended' })
  if (found.challenge?.id === challengeId) return found.user
  const other = await challenges.find(challengeId)
  if (other !== null && other.userId !== requester.userId) throw new Refusal('not-found')
  throw challengeEnded(other, clock())
}
