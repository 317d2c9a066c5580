import { isDeepStrictEqual } from 'node:util'
import type { RequestContext } from '../request-context.ts'
import { isFresh, isOpen } from '../codes/challenge.ts'
import { lockoutOf, assertNotLocked } from '../codes/lockout.ts'
import { hasRoomForSentence, type MessageSettings } from '../messages/compose-message.ts'
import type { ConfirmationData, TransactionDetails } from '../codes/transaction-details.ts'
import { fillTemplate, dataErrors } from './confirmation-template.ts'
import { openChallenge, type OpenChallengePorts } from '../codes/open-challenge.ts'
import { toCodeStatus, type CodeStatus } from '../codes/code-status.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import { requireFreshLogin, type Requester } from '../sessions/require-fresh-login.ts'
import type { SessionUsers } from '../sessions/session-users.ts'

export type ConfirmActionPorts = OpenChallengePorts & {
  users: SessionUsers
  codeLength: number
}

export type Action = Pick<TransactionDetails, 'action' | 'data' | 'reference'>

/** `replaced`: this ended another pending confirmation of the same action. */
export type ConfirmationStatus = CodeStatus & { text: string; replaced: boolean }

export const confirmActionRefusals = [
  'invalid-request',
  'invalid-token',
  'reauthentication-required',
  'unknown-action',
  'sms-undeliverable',
  'too-many-attempts',
  'too-many-texts',
  'sms-unavailable'
] as const satisfies readonly RefusalSlug[]

/**
 * Sends the operator's sentence for an action, with a code that confirms exactly this sentence (EU
 * RTS 2018/389 Art. 5). Requesting the same confirmation again sends no second message while the
 * first one is fresh (see `isFresh`). Any other request replaces it. Throws
 * `confirmActionRefusals`.
 */
export async function confirmAction(
  ports: ConfirmActionPorts,
  context: RequestContext,
  requester: Requester,
  requested: Action
): Promise<ConfirmationStatus> {
  const action = { ...requested, data: withoutNegativeZero(requested.data) }
  const { users, events, clock, policy } = ports
  requireFreshLogin(requester, policy.confirmationMaxAge, clock())
  const details = {
    ...action,
    text: composeSentence(ports, action),
    sessionId: requester.id,
    authTime: requester.authTime
  }
  const purpose = `confirm:${action.action}` as const
  // Retries when a concurrent request of the same user has replaced the challenge.
  for (;;) {
    const limits = context.requestLimit.take()
    const found = await users.findForSession(requester, purpose, limits, clock())
    if (found === null) throw new Refusal('invalid-token', { reason: 'session-ended' })
    const { user, challenge: previous, language } = found
    const { phone } = user
    if (phone === null) throw new Refusal('sms-undeliverable')
    assertNotLocked(lockoutOf(user, 'confirmation'), policy.limits.codeFailures, clock())
    if (isFresh(previous, clock()) && isDeepStrictEqual(previous.details, details)) {
      return {
        ...toCodeStatus(previous, phone, false, clock()),
        text: details.text,
        replaced: false
      }
    }
    const replaced = previous !== null && isOpen(previous, clock())
    const pending = await openChallenge(ports, context, {
      user,
      to: phone,
      purpose,
      newPhone: null,
      details,
      language,
      previous
    })
    if (pending === null) continue
    events.record({
      name: 'confirmation.requested',
      context,
      userId: user.id,
      sessionId: requester.id,
      action: action.action
    })
    return { ...pending, text: details.text, replaced }
  }
}

/** The database stores -0 as 0, so a repeated action with -0 would never equal the stored one. */
const withoutNegativeZero = (data: ConfirmationData): ConfirmationData =>
  Object.fromEntries(Object.entries(data).map(([name, value]) => [name, value === 0 ? 0 : value]))

/**
 * The sentence that the user reads. Throws `unknown-action`, and `invalid-request` for invalid data
 * or a sentence that doesn't fit a message.
 */
function composeSentence(
  { policy, codeLength }: ConfirmActionPorts,
  { action, data }: Action
): string {
  const template = policy.confirmationTemplates.get(action)
  if (template === undefined) throw new Refusal('unknown-action')
  const invalid = dataErrors(template, data, codeLength)
  if (invalid.length > 0)
    throw new Refusal('invalid-request', {
      errors: invalid.map(({ name, detail }) => ({ path: ['data', name], detail }))
    })
  const text = fillTemplate(template, data)
  const detail = sentenceError(policy.messages, codeLength, text)
  if (detail !== undefined)
    throw new Refusal('invalid-request', { errors: [{ path: ['data'], detail }] })
  return text
}

/** Why a sentence is invalid although each of its values is valid; undefined when it is valid. */
function sentenceError(
  settings: MessageSettings,
  codeLength: number,
  text: string
): string | undefined {
  const segments = settings.confirmationSegments
  if (!hasRoomForSentence(settings, settings.wordings[0], codeLength, text)) {
    const limit = `${segments} ${segments === 1 ? 'segment' : 'segments'}`
    return `is too long for a message of ${limit}; characters outside GSM 03.38 need more space`
  }
  // Browsers use the first such line in a message, but ours is the last.
  return /(^|\s)@\S+ #\S/.test(text)
    ? 'must not look like an autofill line, @domain #code'
    : undefined
}
