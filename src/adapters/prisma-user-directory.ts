import type { UserDirectory } from '../domain/user-directory.ts'
import { usernameKey } from '../domain/username.ts'
import type { PrismaClient } from './prisma/client.ts'

/** The operator's view of the users in PostgreSQL. */
export const prismaUserDirectory = (prisma: PrismaClient): UserDirectory => ({
  async add (user) {
    const { count } = await prisma.user.createMany({ data: { ...user, usernameKey: usernameKey(user.username) }, skipDuplicates: true })
    return count === 1
  },
  list: () => prisma.user.findMany({ select: { username: true, phone: true, locale: true, disabled: true, codeFailures: true, codeLockedUntil: true }, orderBy: { usernameKey: 'asc' } }),
  isEmpty: async () => await prisma.user.findFirst({ select: { id: true } }) === null,
  async change (username, change) {
    const where = { usernameKey: usernameKey(username) }
    const [{ count }] = await prisma.$transaction([
      prisma.user.updateMany({ where, data: change }),
      // After it, so that they meet what a login stored before the change.
      prisma.challenge.updateMany({ where: { user: where, consumedAt: null }, data: { consumedAt: new Date() } }),
      endSessions(prisma, where.usernameKey)
    ])
    return count === 1
  },
  async setLocale (username, locale) {
    const { count } = await prisma.user.updateMany({ where: { usernameKey: usernameKey(username) }, data: { locale } })
    return count === 1
  },
  async unlock (username) {
    const { count } = await prisma.user.updateMany({ where: { usernameKey: usernameKey(username) }, data: { codeFailures: 0, codeLockedUntil: null } })
    return count === 1
  },
  async sessions (username, now) {
    const user = await prisma.user.findUnique({
      where: { usernameKey: usernameKey(username) },
      select: { sessions: { where: { idleEndsAt: { gt: now } }, orderBy: { lastUsedAt: 'desc' }, select: { client: true, createdAt: true, lastUsedAt: true } } }
    })
    return user?.sessions ?? null
  },
  async logOut (username, now) {
    const user = await prisma.user.findUnique({
      where: { usernameKey: usernameKey(username) },
      select: { _count: { select: { sessions: { where: { idleEndsAt: { gt: now } } } } } }
    })
    await endSessions(prisma, usernameKey(username))
    return user?._count.sessions ?? null
  }
})

/** Locked in the order that `Sessions.endOthers` has too, so that the two never wait for one another. */
const endSessions = (prisma: PrismaClient, usernameKey: string) => prisma.$executeRaw`
  DELETE FROM sessions WHERE id IN (
    SELECT sessions.id FROM sessions JOIN users ON users.id = user_id WHERE username_key = ${usernameKey} ORDER BY sessions.id FOR UPDATE OF sessions
  )`
