import t from 'tap'
import { createAccountStore } from '../../src/adapters/stores/accounts.ts'
import type { Prisma } from '../../src/adapters/prisma/client.ts'
import { createChallengeStore } from '../../src/adapters/stores/challenges.ts'
import { createPhoneChangeStore } from '../../src/adapters/stores/phone-changes.ts'
import { createRateLimitStore } from '../../src/adapters/stores/rate-limits.ts'
import { readConfig } from '../../src/config/config.ts'
import { after } from '../../src/domain/clock.ts'
import { randomId } from '../../src/domain/random-id.ts'
import { needsServer, createTestDatabase } from '../support/database.ts'
import { countDeadlocks, holdLock, interleave } from '../support/hold-lock.ts'

const now = new Date('2026-11-22T12:00:00.500Z')

/** A user with a session and a challenge whose code has just been compared. */
async function stored() {
  const database = await createTestDatabase(t)
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
    holdLock(
      prisma,
      holder => holder.$queryRaw`SELECT id FROM challenges FOR UPDATE`,
      async waiting => {
        const consumed = challenges.consume(challenge, draft(), now)
        await waiting(1)
        const changed = change()
        await waiting(2)
        return [consumed, changed] as const
      }
    ).then(statements => Promise.all(statements))
  return {
    prisma,
    session,
    challenge,
    users: createAccountStore(prisma, rateLimits),
    phoneChanges: createPhoneChangeStore(prisma),
    afterRightCode
  }
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

const oldPhone = '+12025550143'
const newPhone = '+12025550106'
const changes = ({
  challenge,
  phoneChanges,
  session,
  users
}: Awaited<ReturnType<typeof stored>>) => [
  () => users.changePassword(session, 'old', 'new', now),
  () => phoneChanges.complete({ ...challenge, newPhone }, { phone: oldPhone }, session, now),
  () => users.deleteAccount(session, 'old', now)
]

t.test(
  'a session that ends while its change waits for the user changes and deletes nothing',
  { skip: needsServer },
  async t => {
    const database = await stored()
    const { prisma, session } = database
    for (const change of changes(database)) {
      await prisma.session.upsert({ where: { id: session.id }, create: session, update: {} })
      const changed = await interleave<unknown>(
        prisma,
        other => other.$queryRaw`SELECT id FROM users FOR UPDATE`,
        change,
        other => other.session.deleteMany()
      )
      t.notOk(changed)
    }
    t.match(await prisma.user.findMany(), [{ passwordDigest: 'old', phone: '+12025550143' }])
  }
)

t.test(
  'a change does not deadlock with a request that ends the other sessions',
  { skip: needsServer },
  async t => {
    for (const index of [0, 1, 2]) {
      const database = await stored()
      const { prisma, session } = database
      // The order of their ids is neither that of the rows nor the reverse.
      for (const id of ['~3', '~1', '~2']) await prisma.session.create({ data: { ...session, id } })
      const lock = (id: string) => (other: Prisma.TransactionClient) =>
        other.$queryRaw`SELECT id FROM sessions WHERE id = ${id} FOR UPDATE`
      const changed = await interleave<unknown>(
        prisma,
        lock('~1'),
        changes(database)[index] ?? (() => Promise.resolve()),
        async other => {
          await lock('~2')(other)
          await lock('~3')(other)
        }
      )
      t.ok(changed)
      t.equal(await countDeadlocks(prisma), 0)
    }
  }
)
