import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import { canonicalTag } from '../messages/language-tags.ts'
import { Refusal, type RefusalSlug } from '../refusal.ts'
import type { RequestContext } from '../request-context.ts'
import type { SessionRef } from '../sessions/session.ts'
import type { AccountUsers } from './account-users.ts'
import { toAccount, type Account } from './account.ts'

export type ChangeLocalePorts = { users: AccountUsers; events: Events; clock: Clock }

export const changeLocaleRefusals = [
  'invalid-request',
  'invalid-token', // The session has ended.
  'too-many-attempts'
] as const satisfies readonly RefusalSlug[]

/**
 * Sets the language of the user's messages. With null, requests determine it. A language that
 * messages don't exist in is accepted, because they may exist later. Throws `changeLocaleRefusals`.
 */
export async function changeLocale(
  { users, events, clock }: ChangeLocalePorts,
  context: RequestContext,
  session: SessionRef,
  tag: string | null
): Promise<Account> {
  const locale = tag === null ? null : canonicalTag(tag)
  if (locale === undefined)
    throw new Refusal('invalid-request', {
      errors: [{ path: ['locale'], detail: 'must be a language tag (BCP 47) such as pt-BR' }]
    })
  const user = await users.setLocale(session, locale, context.requestLimit.take(), clock())
  if (user === null) throw new Refusal('invalid-token', { reason: 'session-ended' })
  events.record({
    name: 'user.updated',
    context,
    userId: user.id,
    actor: 'user',
    changed: ['locale']
  })
  return toAccount(user)
}
