import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/database.ts'
import { prismaBudgets } from '../../src/adapters/prisma-budgets.ts'
import { prismaSessions } from '../../src/adapters/prisma-sessions.ts'
import { prismaUsers } from '../../src/adapters/prisma-users.ts'
import type { PrismaClient } from '../../src/adapters/prisma/client.ts'
import { sweep } from '../../src/adapters/sweep.ts'
import { after } from '../../src/domain/clock.ts'
import { randomId } from '../../src/domain/random-id.ts'
import type { Session, Sessions } from '../../src/domain/session.ts'
import { serverUrl, testDatabase } from '../support/database.ts'

const now = new Date('2026-11-22T12:00:00.500Z')
const hash = (fill: number) => new Uint8Array(32).fill(fill)
const shared = testDatabase(t)

const sessionsOn = (prisma: PrismaClient) => prismaSessions(prisma, prismaBudgets(prisma, Buffer.alloc(32, 7)))

/** Sessions as two processes have them, on a server; as one has them, on an embedded database. One session is stored. */
async function stored (t: Test, change: Partial<Session> = {}) {
  const { prisma, url } = await shared
  const stores = [sessionsOn(prisma)]
  if (url !== undefined) {
    const other = await openDatabase(url)
    t.teardown(other.close)
    stores.push(sessionsOn(other.prisma))
  }
  await prisma.user.deleteMany()
  const owner = await prisma.user.create({ data: { username: 'ada', usernameKey: 'ada', passwordDigest: 'a digest', phone: null } })
  const session: Session = { id: randomId(), userId: owner.id, tokenHash: hash(1), client: 'curl', createdAt: now, lastUsedAt: now, idleEndsAt: after(now, 3600), endsAt: after(now, 86400), ...change }
  const add = async (change: Partial<Session>) => prisma.session.create({ data: { ...session, id: randomId(), ...change } })
  await prisma.session.create({ data: session })
  const [sessions = sessionsOn(prisma)] = stores
  /** Forty calls at once, shared out between the processes. */
  const burst = <T>(call: (sessions: Sessions, i: number) => Promise<T>) =>
    Promise.all(Array.from({ length: 40 }, (_, i) => call(stores[i % stores.length] ?? sessions, i)))
  return { prisma, users: prismaUsers(prisma, prismaBudgets(prisma, Buffer.alloc(32, 7))), owner, sessions, session, add, burst }
}

t.test('of forty rotations of one token at once one takes place, and tells the session as it then is', async t => {
  const { sessions, session, burst } = await stored(t)
  const rotated = await burst((sessions, i) => sessions.rotate(session.id, hash(1), { tokenHash: hash(i + 2), idleEndsAt: after(now, 4000) }, [], after(now, 400)))
  const [won, ...more] = rotated.flatMap(({ result: session }, i) => session === null ? [] : [{ session, tokenHash: hash(i + 2) }])
  t.same(more, [])
  t.same(won?.session, { ...session, tokenHash: won?.tokenHash, lastUsedAt: after(now, 400), idleEndsAt: after(now, 4000) })
  t.same(await sessions.find(session.id, now), won?.session)
})

t.test('a rotation moves the idle end no further than the session\'s own', async t => {
  const { sessions, session } = await stored(t, { endsAt: after(now, 3700) })
  t.same((await sessions.rotate(session.id, hash(1), { tokenHash: hash(2), idleEndsAt: after(now, 4000) }, [], now)).result?.idleEndsAt, after(now, 3700))
})

t.test('nothing is rotated, found or listed of a session that is over; of a disabled person nothing is rotated or found', async t => {
  const { sessions, session, prisma, users, owner } = await stored(t, { idleEndsAt: now })
  const next = { tokenHash: hash(2), idleEndsAt: after(now, 4000) }
  t.equal((await sessions.rotate(session.id, hash(1), next, [], now)).result, null)
  t.equal(await sessions.find(session.id, now), null)
  t.equal(await users.findBySession(session, now), null)
  t.same(await sessions.list(owner.id, now), [])
  t.equal(await sessions.endOwn(session, now), null)
  const before = after(now, -1)
  t.match(await users.findBySession(session, before), { id: owner.id, username: 'ada' })
  t.equal((await sessions.rotate(session.id, hash(3), next, [], before)).result, null, 'another token')
  await prisma.user.updateMany({ data: { disabled: true } })
  t.equal((await sessions.rotate(session.id, hash(1), next, [], before)).result, null)
  t.equal(await sessions.find(session.id, before), null)
  t.equal(await users.findBySession(session, before), null)
})

t.test('a session is its owner\'s alone', async t => {
  const { sessions, session, users } = await stored(t)
  const stranger = { id: session.id, userId: '00000000-0000-4000-8000-000000000000' }
  t.equal(await users.findBySession(stranger, now), null)
  t.equal(await sessions.endOwn(stranger, now), null)
  t.same(await sessions.endOthers({ ...stranger, id: randomId() }), [])
  t.match(await sessions.endOwn(session, now), { id: session.id })
})

t.test('of forty that end a session at once one has ended it', async t => {
  const { session, burst } = await stored(t)
  const ended = await burst((sessions, i) => i % 2 === 0 ? sessions.end(session.id) : sessions.endOwn(session, now))
  t.same(ended.filter(one => one !== null), [{ id: session.id, userId: session.userId }])
})

t.test('forty that each end all others at once leave one at most, and none waits for another in a circle', async t => {
  const { session, burst, add, prisma } = await stored(t)
  const all = [session, ...await Promise.all(Array.from({ length: 39 }, () => add({})))]
  const ended = await burst((sessions, i) => sessions.endOthers(all[i] ?? session))
  const gone = ended.flat().map(({ id }) => id)
  t.equal(new Set(gone).size, gone.length, 'each is told as ended once')
  t.equal(await prisma.session.count(), 40 - gone.length)
  t.ok(gone.length >= 39)
})

t.test('what is over is swept away in batches, what lives is not', async t => {
  const { session, prisma } = await stored(t)
  const row = (n: number, seconds: number) => ({ ...session, id: `${seconds}:${n}`, idleEndsAt: after(now, seconds) })
  await prisma.session.createMany({ data: [...Array.from({ length: 2500 }, (_, n) => row(n, -n)), ...Array.from({ length: 5 }, (_, n) => row(n, n + 1))] })
  await sweep(prisma, now)
  t.equal(await prisma.session.count(), 6)
})

if (serverUrl === undefined) t.comment('one connection shows no races: set TEST_DATABASE_URL')
