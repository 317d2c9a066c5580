import t from 'tap'
import { createAccountStore } from '../../src/adapters/stores/accounts.ts'
import { createChallengeStore } from '../../src/adapters/stores/challenges.ts'
import { createRateLimitStore } from '../../src/adapters/stores/rate-limits.ts'
import { readConfig } from '../../src/config/config.ts'
import { after } from '../../src/domain/clock.ts'
import { randomId } from '../../src/domain/random-id.ts'
import { needsServer, testDatabase } from '../support/database.ts'

const now = new Date('2026-11-22T12:00:00.500Z')

/** A user with a session and a challenge whose code has just been compared. */
async function stored() {
  const database = await testDatabase(t)
  const { prisma } = database
  const rateLimits = createRateLimitStore(prisma, Buffer.alloc(32, 7))
  const challenges = createChallengeStore(prisma, rateLimits, readConfig({}).policy)
  const { id: userId } = await prisma.user.create({
    data: { username: 'ada', usernameKey: 'ada', passwordDigest: 'old', phone: '+12025550143' }
  })
  const draft = () => ({
    id: randomId(),
    tokenHash: new Uint8Array(32).fill(9),
    client: null,
    createdAt: now,
    lastUsedAt: now,
    idleExpiresAt: after(now, 3600),
    expiresAt: after(now, 86400)
  })
  const session = { ...draft(), userId }
  await prisma.session.create({ data: session })
  await prisma.challenge.create({
    data: {
      id: randomId(),
      userId,
      purpose: 'login',
      codeHash: new Uint8Array(32).fill(1),
      codeExpiresAt: after(now, 60),
      resendAt: after(now, 30),
      attemptsLeft: 4,
      expiresAt: after(now, 600)
    }
  })
  const [{ id: challengeId }] = (await prisma.challenge.findMany({ select: { id: true } })) as [
    { id: string }
  ]
  const challenge = await challenges.find(challengeId)
  if (challenge === null) throw new Error('the challenge is stored')
  /**
   * Runs `change` while a right code waits for its challenge and holds the row of the user. The
   * code then opens its session, and the change follows.
   */
  const afterRightCode = <T>(change: () => Promise<T>) =>
    prisma
      .$transaction(
        async lock => {
          const waiting = async (count: number) => {
            for (;;) {
              const rows = await prisma.$queryRaw<unknown[]>`
                SELECT pid
                FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'`
              if (rows.length >= count) return
              await new Promise(resolve => setTimeout(resolve, 10))
            }
          }
          await lock.$queryRaw`SELECT id FROM challenges FOR UPDATE`
          const consumed = challenges.consume(challenge, draft(), now)
          await waiting(1)
          const changed = change()
          await waiting(2)
          return [consumed, changed] as const
        },
        { maxWait: 20_000, timeout: 60_000 }
      )
      .then(statements => Promise.all(statements))
  return { prisma, session, users: createAccountStore(prisma, rateLimits), afterRightCode }
}

t.test(
  'a session that a right code opens before the password changes is ended',
  { skip: needsServer },
  async t => {
    const { prisma, session, users, afterRightCode } = await stored()
    const [consumed, ended] = await afterRightCode(() =>
      users.changePassword(session, 'old', 'new', now)
    )
    t.ok(consumed)
    t.equal(ended?.length, 1)
    t.match(await prisma.session.findMany(), [{ id: session.id }])
    t.match(await prisma.user.findMany(), [{ passwordDigest: 'new' }])
  }
)

t.test(
  'a session that a right code opens before the account is deleted is deleted with it',
  { skip: needsServer },
  async t => {
    const { prisma, session, users, afterRightCode } = await stored()
    const [consumed, deleted] = await afterRightCode(() => users.deleteAccount(session, 'old', now))
    t.ok(consumed)
    t.equal(deleted, true)
    t.equal((await prisma.session.count()) + (await prisma.challenge.count()), 0)
  }
)
