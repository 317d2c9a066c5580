import t from 'tap'
import { capDeadlines, capUser } from '../../src/adapters/stores/cap-deadlines.ts'
import type { Prisma, PrismaClient } from '../../src/adapters/prisma/client.ts'
import { readConfig } from '../../src/config/config.ts'
import { after } from '../../src/domain/clock.ts'
import { randomId } from '../../src/domain/random-id.ts'
import { needsServer, createTestDatabase } from '../support/database.ts'
import { countDeadlocks, interleave } from '../support/hold-lock.ts'

const now = new Date('2026-11-22T12:00:00.500Z')
const ahead = after(now, 1_000_000)
const { policy } = readConfig({})

/** Adds a user whose lockout, challenges and session were stored while the clock was ahead. */
async function storedAhead(prisma: PrismaClient): Promise<string> {
  const { id: userId } = await prisma.user.create({
    data: {
      username: 'ada',
      usernameKey: 'ada',
      passwordDigest: 'a digest',
      codeFailures: 5,
      codeLockedUntil: ahead
    }
  })
  // The order of insertion differs from the order of the keys.
  for (const purpose of ['login', 'confirm:transfer'])
    await prisma.challenge.create({
      data: {
        id: randomId(),
        userId,
        purpose,
        codeHash: new Uint8Array(32),
        codeExpiresAt: ahead,
        resendAt: ahead,
        attemptsLeft: 5,
        expiresAt: ahead
      }
    })
  await prisma.session.create({
    data: {
      id: randomId(),
      userId,
      tokenHash: new Uint8Array(32),
      createdAt: ahead,
      lastUsedAt: ahead,
      idleExpiresAt: ahead,
      expiresAt: ahead
    }
  })
  return userId
}

type Lock = (request: Prisma.TransactionClient) => Promise<unknown>
/** The locks that a request takes in two steps. */
const requests: [string, Lock, Lock][] = [
  [
    'one challenge and then another',
    request => request.$queryRaw`
      SELECT id FROM challenges WHERE purpose = 'confirm:transfer' FOR UPDATE`,
    request => request.$queryRaw`SELECT id FROM challenges WHERE purpose = 'login' FOR UPDATE`
  ],
  [
    'the user and then the session',
    request => request.$queryRaw`SELECT id FROM users FOR UPDATE`,
    request => request.$queryRaw`SELECT id FROM sessions FOR UPDATE`
  ],
  [
    'the user and then the challenges',
    request => request.$queryRaw`SELECT id FROM users FOR UPDATE`,
    request => request.$queryRaw`SELECT id FROM challenges ORDER BY purpose FOR UPDATE`
  ]
]

for (const [name, first, then] of requests) {
  t.test(
    `capping deadlines does not deadlock with a request that locks ${name}`,
    { skip: needsServer },
    async t => {
      const { prisma } = await createTestDatabase(t)
      for (const cap of [
        () => capDeadlines(prisma, policy, now),
        (userId: string) => capUser(prisma, policy, userId, now)
      ]) {
        await prisma.user.deleteMany()
        const userId = await storedAhead(prisma)
        await interleave(prisma, first, () => cap(userId), then)
        t.equal(await prisma.session.count({ where: { expiresAt: ahead } }), 0)
        t.equal(await prisma.challenge.count({ where: { expiresAt: ahead } }), 0)
        t.equal(await prisma.user.count({ where: { codeLockedUntil: ahead } }), 0)
      }
      t.equal(await countDeadlocks(prisma), 0)
    }
  )
}
