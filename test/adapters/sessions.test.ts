import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { createRateLimitStore } from '../../src/adapters/stores/rate-limits.ts'
import { createSessionStore } from '../../src/adapters/stores/sessions.ts'
import type { PrismaClient } from '../../src/adapters/prisma/client.ts'
import { deleteExpired } from '../../src/adapters/stores/delete-expired.ts'
import { readConfig } from '../../src/config/config.ts'
import { after } from '../../src/domain/clock.ts'
import { randomId } from '../../src/domain/random-id.ts'
import type { Session, Sessions } from '../../src/domain/sessions/session.ts'
import { needsServer, serverUrl, createTestDatabase } from '../support/database.ts'

const now = new Date('2026-11-22T12:00:00.500Z')
const hash = (fill: number) => new Uint8Array(32).fill(fill)
const used = (fill: number) => ({ hash: hash(fill), generation: null })
const shared = createTestDatabase(t)

const sessionsOn = (prisma: PrismaClient) =>
  createSessionStore(
    prisma,
    createRateLimitStore(prisma, Buffer.alloc(32, 7)),
    readConfig({}).policy
  )

/** Stores one session. On a server two processes use it, and on an embedded database only one. */
async function storeSession(t: Test, change: Partial<Session> = {}) {
  const { prisma, url } = await shared
  const stores = [sessionsOn(prisma)]
  if (url !== undefined) {
    const other = await openDatabase(url)
    t.teardown(other.close)
    stores.push(sessionsOn(other.prisma))
  }
  await prisma.user.deleteMany()
  const owner = await prisma.user.create({
    data: { username: 'ada', usernameKey: 'ada', passwordDigest: 'a digest', phone: null }
  })
  const session: Session = {
    id: randomId(),
    userId: owner.id,
    tokenHash: hash(1),
    client: 'curl',
    createdAt: now,
    lastUsedAt: now,
    idleExpiresAt: after(now, 3600),
    language: null,
    expiresAt: after(now, 86400),
    ...change
  }
  const add = async (change: Partial<Session>) =>
    prisma.session.create({ data: { ...session, id: randomId(), ...change } })
  await prisma.session.create({ data: session })
  const [sessions = sessionsOn(prisma)] = stores
  /** Forty concurrent calls, spread over the processes. */
  const burst = <T>(call: (sessions: Sessions, i: number) => Promise<T>) =>
    Promise.all(
      Array.from({ length: 40 }, (_, i) => call(stores[i % stores.length] ?? sessions, i))
    )
  return {
    prisma,
    owner,
    sessions,
    session,
    add,
    burst
  }
}

t.test(
  'only one of forty concurrent rotations of a token succeeds and returns the session',
  async t => {
    const { sessions, session, burst } = await storeSession(t)
    const rotated = await burst((sessions, i) =>
      sessions.rotate(
        session.id,
        used(1),
        { tokenHash: hash(i + 2), idleExpiresAt: after(now, 4000), expiresAt: after(now, 86400) },
        [],
        after(now, 400)
      )
    )
    const [won, ...more] = rotated.flatMap((session, i) =>
      session === null ? [] : [{ session, tokenHash: hash(i + 2) }]
    )
    t.same(more, [])
    t.same(won?.session, {
      ...session,
      claims: {},
      tokenHash: won?.tokenHash,
      lastUsedAt: after(now, 400),
      idleExpiresAt: after(now, 4000)
    })
    t.same(await sessions.find(session.id, now), won?.session)
  }
)

t.test("a rotation never moves the idle expiry past the session's own expiry", async t => {
  const { sessions, session } = await storeSession(t, { expiresAt: after(now, 3700) })
  const next = { tokenHash: hash(2), idleExpiresAt: after(now, 4000), expiresAt: after(now, 86400) }
  const rotated = await sessions.rotate(session.id, used(1), next, [], now)
  t.same(rotated?.idleExpiresAt, after(now, 3700))
})

t.test('an ended session or one of a disabled user is neither rotated nor found', async t => {
  const { sessions, session, prisma, owner } = await storeSession(t, { idleExpiresAt: now })
  const next = {
    tokenHash: hash(2),
    idleExpiresAt: after(now, 4000),
    expiresAt: after(now, 86400)
  }
  t.equal(await sessions.rotate(session.id, used(1), next, [], now), null)
  t.equal(await sessions.find(session.id, now), null)
  t.equal(await sessions.findUser(session, now), null)
  t.same(await sessions.list(owner.id, now), [])
  t.equal(await sessions.endOwn(session, now), null)
  const before = after(now, -1)
  t.match(await sessions.findUser(session, before), { id: owner.id, username: 'ada' })
  t.equal(await sessions.rotate(session.id, used(3), next, [], before), null, 'another token')
  await prisma.user.updateMany({ data: { disabled: true } })
  t.equal(await sessions.rotate(session.id, used(1), next, [], before), null)
  t.equal(await sessions.find(session.id, before), null)
  t.equal(await sessions.findUser(session, before), null)
})

t.test('only its owner can see or end a session', async t => {
  const { sessions, session } = await storeSession(t)
  const foreign = { id: session.id, userId: '00000000-0000-4000-8000-000000000000' }
  t.equal(await sessions.findUser(foreign, now), null)
  t.equal(await sessions.endOwn(foreign, now), null)
  t.same(await sessions.endOthers({ ...foreign, id: randomId() }), [])
  t.match(await sessions.endOwn(session, now), { id: session.id })
})

t.test('only one of forty concurrent calls that end a session has ended it', async t => {
  const { session, burst } = await storeSession(t)
  const ended = await burst((sessions, i) =>
    i % 2 === 0 ? sessions.end(session.id) : sessions.endOwn(session, now)
  )
  t.same(
    ended.filter(one => one !== null),
    [{ id: session.id, userId: session.userId }]
  )
})

t.test(
  'forty sessions that end all others concurrently leave at most one without a deadlock',
  async t => {
    const { session, burst, add, prisma } = await storeSession(t)
    const all = [session, ...(await Promise.all(Array.from({ length: 39 }, () => add({}))))]
    const ended = await burst((sessions, i) => sessions.endOthers(all[i] ?? session))
    const endedIds = ended.flat().map(({ id }) => id)
    t.equal(new Set(endedIds).size, endedIds.length, 'each ended session is returned once')
    t.equal(await prisma.session.count(), 40 - endedIds.length)
    t.ok(endedIds.length >= 39)
  }
)

t.test('expired sessions are deleted in batches and others are kept', async t => {
  const { session, prisma } = await storeSession(t)
  const row = (n: number, seconds: number) => ({
    ...session,
    id: `${seconds}:${n}`,
    idleExpiresAt: after(now, seconds)
  })
  await prisma.session.createMany({
    data: [
      ...Array.from({ length: 2500 }, (_, n) => row(n, -n)),
      ...Array.from({ length: 5 }, (_, n) => row(n, n + 1))
    ]
  })
  await deleteExpired(prisma, now)
  t.equal(await prisma.session.count(), 6)
})

t.test(
  'deleting does not wait for a session that a request has locked',
  { skip: needsServer },
  async t => {
    const { session, add, prisma } = await storeSession(t)
    await add({})
    const over = after(now, 86_400)
    await prisma.$transaction(
      async holder => {
        await holder.$queryRaw`SELECT id FROM sessions WHERE id = ${session.id} FOR UPDATE`
        await deleteExpired(prisma, over)
        t.same(await prisma.session.findMany({ select: { id: true } }), [{ id: session.id }])
      },
      { timeout: 3000 }
    )
    await deleteExpired(prisma, over)
    t.equal(await prisma.session.count(), 0)
  }
)

if (serverUrl === undefined) t.comment('one connection shows no races: set TEST_DATABASE_URL')
