import type { UserDirectory } from '../domain/user-directory.ts'
import { usernameKey } from '../domain/username.ts'
import type { PrismaClient } from './prisma/client.ts'

/** The operator's view of the users in PostgreSQL. */
export const prismaUserDirectory = (prisma: PrismaClient): UserDirectory => ({
  async add (user) {
    const { count } = await prisma.user.createMany({ data: { ...user, usernameKey: usernameKey(user.username) }, skipDuplicates: true })
    return count === 1
  },
  list: () => prisma.user.findMany({ select: { username: true, phone: true, disabled: true, codeFailures: true, codeLockedUntil: true }, orderBy: { usernameKey: 'asc' } }),
  isEmpty: async () => await prisma.user.findFirst({ select: { id: true } }) === null,
  async change (username, change) {
    const where = { usernameKey: usernameKey(username) }
    const [{ count }] = await prisma.$transaction([
      prisma.user.updateMany({ where, data: change }),
      // Second, so that it meets a login which stored its challenge before the change.
      prisma.challenge.updateMany({ where: { user: where, consumedAt: null }, data: { consumedAt: new Date() } })
    ])
    return count === 1
  },
  async unlock (username) {
    const { count } = await prisma.user.updateMany({ where: { usernameKey: usernameKey(username) }, data: { codeFailures: 0, codeLockedUntil: null } })
    return count === 1
  }
})
