import type { Clock } from '../clock.ts'
import type { Events } from '../events.ts'
import { unlockUser } from '../login/unlock-user.ts'
import { sendNotice, type SendNoticePorts } from '../messages/send-notice.ts'
import type { RateLimits } from '../rate-limits/rate-limit.ts'
import type { RefusalSlug } from '../refusal.ts'
import type { ManagedUser, UserDirectory } from '../users/user-directory.ts'
import { found, userWithId, type AdminRequest } from './admin-request.ts'
import {
  storableFields,
  storableFieldsRefusals,
  type UserFields,
  type UserFieldsPorts
} from './user-fields.ts'

export type ChangeUserPorts = UserFieldsPorts &
  SendNoticePorts & {
    users: UserDirectory
    /** One entry for each secret (see `unlockUser`). */
    allRateLimits: readonly RateLimits[]
    events: Events
    clock: Clock
  }

export const changeUserRefusals = [
  'not-found',
  'username-taken',
  ...storableFieldsRefusals
] as const satisfies readonly RefusalSlug[]

/**
 * Changes these fields of a user. A new password, a new number and `disabled` end the user's
 * sessions and pending challenges. A new password and a new number also do what `unlockUser` does,
 * because an attacker with the old one may have exhausted the limits. Throws `changeUserRefusals`.
 */
export async function changeUser(
  ports: ChangeUserPorts,
  request: AdminRequest,
  id: string,
  fields: UserFields
): Promise<ManagedUser> {
  const { users, allRateLimits, clock } = ports
  const ref = userWithId(id)
  const current = found(await users.find(ref))
  const stored = await storableFields(ports, fields, fields.username ?? current.username)
  const change = withoutSameNumber(stored, current)
  const { user, previousPhone } = found(await users.change(ref, change, clock()))
  recordChange(ports.events, request, user.id, change)
  if (change.phone !== undefined) notifyOldNumber(ports, request, user, previousPhone)
  if (change.phone === undefined && change.passwordDigest === undefined) return user
  const passwords = change.passwordDigest !== undefined
  await unlockUser({ users, rateLimits: allRateLimits }, ref, { passwords })
  return found(await users.find(ref))
}

type Change = Parameters<UserDirectory['change']>[1]

/** A backend may write all fields at once. The number that a user has already is not a new one. */
const withoutSameNumber = ({ phone, ...others }: Change, current: ManagedUser): Change =>
  phone === undefined || phone === current.phone ? others : { ...others, phone }

function recordChange(
  events: Events,
  { context, actor }: AdminRequest,
  userId: string,
  { passwordDigest, ...others }: Change
) {
  const changed = fieldNames.filter(name => others[name] !== undefined)
  if (changed.length > 0) events.record({ name: 'user.updated', context, userId, actor, changed })
  if (passwordDigest !== undefined)
    events.record({ name: 'password.changed', context, userId, actor })
}

const fieldNames = ['username', 'phone', 'locale', 'claims', 'disabled'] as const

/** Nothing is sent when the number was only removed, because the notice names the new one. */
function notifyOldNumber(
  ports: SendNoticePorts,
  { context }: AdminRequest,
  { id: userId, phone, locale }: ManagedUser,
  previousPhone: string | null
) {
  if (previousPhone === null || phone === null || phone === previousPhone) return
  sendNotice(ports, context, {
    userId,
    to: previousPhone,
    languages: locale === null ? [] : [locale],
    notice: { name: 'phoneChanged', values: { ending: phone.slice(-2) } }
  })
}
