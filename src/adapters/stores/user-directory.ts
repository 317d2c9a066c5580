import { digestKind } from '../../domain/login/password-digest.ts'
import { usernameKey } from '../../domain/login/username.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { CodeRecord } from '../../domain/codes/last-code.ts'
import type {
  LockedUser,
  ManagedUser,
  NewUser,
  UserDirectory,
  UserRef
} from '../../domain/users/user-directory.ts'
import { issuableClaims } from '../../domain/users/claims.ts'
import { canonicalPhone } from '../sms/libphonenumber-phones.ts'
import { Prisma, type PrismaClient } from '../prisma/client.ts'
import { lockedUserColumns } from './columns.ts'

/** Stores users in PostgreSQL, as operators and the admin API manage them. */
export const createUserDirectory = (prisma: PrismaClient): UserDirectory => ({
  async add(user) {
    const [added] = await prisma.user.createManyAndReturn({
      data: toRow(user),
      skipDuplicates: true,
      select: managedColumns
    })
    return added === undefined ? null : toManagedUser(added)
  },
  async addAll(users) {
    const added = await prisma.user.createManyAndReturn({
      data: users.map(toRow),
      skipDuplicates: true,
      select: { usernameKey: true }
    })
    return new Set(added.map(({ usernameKey }) => usernameKey))
  },
  async existing(usernames) {
    const found = await prisma.user.findMany({
      where: { usernameKey: { in: usernames.map(usernameKey) } },
      select: { usernameKey: true }
    })
    return new Set(found.map(({ usernameKey }) => usernameKey))
  },
  async find(ref) {
    const found = await prisma.user.findUnique({
      where: whereOf(ref),
      select: { ...managedColumns, passwordDigest: true }
    })
    if (found === null) return null
    const { passwordDigest, ...user } = found
    // The database may have been edited by hand.
    return toManagedUser({ ...user, passwordKind: digestKind(passwordDigest) })
  },
  async page({ username, phone, search }, limit, after) {
    const found = await prisma.user.findMany({
      where: {
        AND: [
          ...(username === undefined ? [] : [{ usernameKey: usernameKey(username) }]),
          ...(phone === undefined ? [] : [{ phone: canonicalPhone(phone) }]),
          ...(search === undefined ? [] : [{ usernameKey: prefixRange(usernameKey(search)) }]),
          ...(after === undefined ? [] : [{ usernameKey: { gt: after } }])
        ]
      },
      orderBy: { usernameKey: 'asc' },
      // One more shows whether there is another page.
      take: limit + 1,
      select: { ...managedColumns, usernameKey: true }
    })
    const page = found.slice(0, limit)
    return {
      users: page.map(({ usernameKey: _key, ...user }) => toManagedUser(user)),
      next: found.length > limit ? (page.at(-1)?.usernameKey ?? null) : null
    }
  },
  isEmpty: async () => (await prisma.user.findFirst({ select: { id: true } })) === null,
  async change(ref, { claims, ...change }, now) {
    const where = whereOf(ref)
    const phone = change.phone === undefined ? undefined : canonicalPhone(change.phone)
    const endsSessions =
      change.passwordDigest !== undefined || phone !== undefined || change.disabled === true
    const data = {
      ...change,
      ...(change.passwordDigest !== undefined && {
        passwordKind: digestKind(change.passwordDigest)
      }),
      ...(change.username !== undefined && { usernameKey: usernameKey(change.username) }),
      ...(phone !== undefined && { phone })
    }
    // The first statement locks the user's row, and the later ones have snapshots of their own.
    // They therefore also end a challenge and a session that a concurrent request has stored.
    const [previous] = await prisma
      .$transaction([
        lockUser(prisma, ref),
        ...(phone === undefined
          ? []
          : [
              prisma.user.updateMany({
                where: { ...where, NOT: { phone } },
                data: { phoneChangedAt: now }
              })
            ]),
        ...(endsSessions
          ? [
              lockChallenges(prisma, ref),
              prisma.challenge.updateMany({
                where: { user: where, consumedAt: null },
                data: { consumedAt: now }
              }),
              endSessions(prisma, ref)
            ]
          : []),
        // Next to raw SQL, updateMany would round the numbers in JSON to 16 digits.
        ...(claims === undefined
          ? []
          : [
              prisma.$executeRaw`
                UPDATE users
                SET claims = ${claims}::jsonb
                WHERE ${conditionOf(ref)}`
            ]),
        prisma.user.updateMany({ where, data })
      ])
      .catch(refuseTakenUsername)
    const [found] = previous
    if (found === undefined) return null
    const user = await prisma.user.findUnique({ where: { id: found.id }, select: managedColumns })
    return user && { user: toManagedUser(user), previousPhone: canonicalPhone(found.phone) }
  },
  async delete(ref) {
    // A cascade would lock the challenges and sessions in no particular order.
    const [, , , deleted] = await prisma.$transaction([
      lockUser(prisma, ref),
      lockChallenges(prisma, ref),
      endSessions(prisma, ref),
      prisma.$queryRaw<{ id: string }[]>`
        DELETE FROM users
        WHERE ${conditionOf(ref)}
        RETURNING id`
    ])
    return deleted[0] ?? null
  },
  async unlock(ref) {
    const [user] = await prisma.$queryRaw<LockedUser[]>`
      WITH previous AS (
        SELECT *
        FROM users
        WHERE ${conditionOf(ref)}
        FOR UPDATE
      )
      UPDATE users
      SET
        code_failures = 0,
        code_locked_until = NULL,
        confirmation_failures = 0,
        confirmations_locked_until = NULL,
        phone_change_failures = 0,
        phone_changes_locked_until = NULL
      FROM previous AS u
      WHERE users.id = u.id
      RETURNING ${lockedUserColumns}`
    return user === undefined ? null : { ...user, phone: canonicalPhone(user.phone) }
  },
  codes: ref =>
    prisma.challenge.findMany({
      where: { user: whereOf(ref) },
      select: {
        purpose: true,
        codeExpiresAt: true,
        resendAt: true,
        attemptsLeft: true,
        expiresAt: true,
        consumedAt: true,
        delivery: true,
        deliveryReason: true
      }
      // These columns are text. Only values of their types are ever written to them.
    }) as Promise<CodeRecord[]>,
  async sessions(ref, now) {
    const user = await prisma.user.findUnique({
      where: whereOf(ref),
      select: {
        sessions: {
          where: { idleExpiresAt: { gt: now } },
          orderBy: { lastUsedAt: 'desc' },
          select: { id: true, client: true, createdAt: true, lastUsedAt: true }
        }
      }
    })
    return user?.sessions ?? null
  },
  async logOut(ref, now) {
    const user = await prisma.user.findUnique({
      where: whereOf(ref),
      select: {
        id: true,
        _count: { select: { sessions: { where: { idleExpiresAt: { gt: now } } } } }
      }
    })
    if (user === null) return null
    await endSessions(prisma, user)
    return { id: user.id, ended: user._count.sessions }
  }
})

const managedColumns = {
  id: true,
  username: true,
  phone: true,
  locale: true,
  disabled: true,
  claims: true,
  codeFailures: true,
  codeLockedUntil: true,
  confirmationFailures: true,
  confirmationsLockedUntil: true,
  phoneChangeFailures: true,
  phoneChangesLockedUntil: true,
  passwordKind: true,
  createdAt: true,
  lastLoginAt: true,
  phoneChangedAt: true
} as const satisfies Prisma.UserSelect

const toRow = (user: NewUser) => ({
  ...user,
  passwordKind: digestKind(user.passwordDigest),
  phone: canonicalPhone(user.phone),
  usernameKey: usernameKey(user.username)
})

const toManagedUser = (user: Omit<ManagedUser, 'claims'> & { claims: unknown }): ManagedUser => ({
  ...user,
  claims: issuableClaims(user.claims),
  phone: canonicalPhone(user.phone)
})

const whereOf = (ref: UserRef) =>
  'id' in ref ? { id: ref.id } : { usernameKey: usernameKey(ref.username) }

const conditionOf = (ref: UserRef) =>
  'id' in ref
    ? Prisma.sql`users.id = ${ref.id}::uuid`
    : Prisma.sql`users.username_key = ${usernameKey(ref.username)}`

/** The keys that begin with `prefix`. They are compared by their bytes in UTF-8. */
const prefixRange = (prefix: string) => ({ gte: prefix, lte: `${prefix}\u{10ffff}` })

const lockUser = (prisma: PrismaClient, ref: UserRef) => prisma.$queryRaw<
  { id: string; phone: string | null }[]
>`
  SELECT id, phone
  FROM users
  WHERE ${conditionOf(ref)}
  FOR UPDATE`

/** Locks the challenges in the order of their keys, as everywhere (see `capDeadlines`). */
const lockChallenges = (prisma: PrismaClient, ref: UserRef) => prisma.$queryRaw<
  { purpose: string }[]
>`
  SELECT purpose
  FROM challenges
  JOIN users ON users.id = user_id
  WHERE ${conditionOf(ref)}
  ORDER BY purpose
  FOR UPDATE OF challenges`

/** Locks the sessions in the same order as `Sessions.endOthers`, so that the two can't deadlock. */
const endSessions = (prisma: PrismaClient, ref: UserRef) => prisma.$executeRaw`
  WITH locked_sessions AS (
    SELECT sessions.id
    FROM sessions
    JOIN users ON users.id = user_id
    WHERE ${conditionOf(ref)}
    ORDER BY sessions.id
    FOR UPDATE OF sessions
  )
  DELETE FROM sessions
  WHERE id IN (SELECT id FROM locked_sessions)`

function refuseTakenUsername(error: unknown): never {
  if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002')
    throw new Refusal('username-taken')
  throw error
}
