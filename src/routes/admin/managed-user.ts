import { z } from 'zod'
import { issuableClaims } from '../../domain/users/claims.ts'
import { factorsOf } from '../../domain/users/factors.ts'
import type { ManagedUser } from '../../domain/users/user-directory.ts'
import { factorsField } from '../fields.ts'

/** A user for examples. */
export const exampleUser = {
  id: '0f8fad5b-d9cb-469f-a165-70867728950e',
  username: 'ada@example.com',
  phone: '+12025550143',
  locale: 'en-GB',
  claims: { roles: ['admin'] },
  disabled: false,
  createdAt: '2026-01-31T12:00:00.000Z',
  lastLoginAt: '2026-02-01T08:30:12.345Z',
  phoneChangedAt: null,
  codeFailures: 0,
  lockedUntil: null,
  factors: { sms: true, totp: false, recoveryCodes: 0 }
}

const time = (description: string) => z.iso.datetime().nullable().meta({ description })

export const userSchema = z
  .object({
    id: z.uuid().meta({ description: 'The same as `sub` in access tokens. It never changes.' }),
    username: z.string(),
    phone: z
      .string()
      .nullable()
      .meta({ description: 'In E.164. A user without a number cannot log in.' }),
    locale: z.string().nullable().meta({
      description: 'The language of messages, a BCP 47 tag. If null, `Accept-Language` decides.'
    }),
    claims: z
      .record(z.string(), z.unknown())
      .meta({ description: 'What access tokens contain in addition to their own claims.' }),
    disabled: z.boolean().meta({ description: 'Whether logins and tokens are refused.' }),
    createdAt: z.iso.datetime(),
    lastLoginAt: time('When a code last completed a login.'),
    phoneChangedAt: time('When the number was last replaced or removed.'),
    codeFailures: z.int().meta({
      description:
        'Consecutive wrong login codes. From 100 on, codes are refused until the user is unlocked.'
    }),
    lockedUntil: time('Until when login codes are refused. Null if the account is not locked.'),
    factors: factorsField
  })
  .meta({ id: 'User', description: 'A user.', examples: [exampleUser] })

/** A user as the admin API shows it. */
export const toUserReply = (user: ManagedUser, now: Date): z.infer<typeof userSchema> => ({
  id: user.id,
  username: user.username,
  phone: user.phone,
  locale: user.locale,
  claims: issuableClaims(user.claims),
  disabled: user.disabled,
  createdAt: user.createdAt.toISOString(),
  lastLoginAt: user.lastLoginAt?.toISOString() ?? null,
  phoneChangedAt: user.phoneChangedAt?.toISOString() ?? null,
  codeFailures: user.codeFailures,
  lockedUntil:
    user.codeLockedUntil !== null && user.codeLockedUntil > now
      ? user.codeLockedUntil.toISOString()
      : null,
  factors: factorsOf(user)
})
