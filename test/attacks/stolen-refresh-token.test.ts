import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto'
import { decodeJwt } from 'jose'
import t from 'tap'
import { deriveKey } from '../../src/domain/derive-key.ts'
import { ada, slugOf, startApp } from '../support/start-app.ts'

const shared = {
  secrets: [Buffer.alloc(32, 1)],
  signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey]
} as const

t.test('reuse', async t => {
  t.test('a reused token ends the session for attacker and owner and logs an event', async t => {
    const { logIn, refresh, me, logged, wait, prisma } = await startApp(t)
    const stolen = await logIn()
    const elsewhere = await logIn()
    const owner = (await refresh(stolen.refreshToken)).json()
    wait(60)
    t.equal(
      slugOf(await refresh(stolen.refreshToken, '198.51.100.66')),
      'session-ended',
      'the attacker'
    )
    t.equal(slugOf(await refresh(owner.refreshToken)), 'session-ended', 'the owner')
    t.equal(slugOf(await me(owner.accessToken)), 'invalid-token')
    const { sub, sid } = decodeJwt(owner.accessToken)
    const [event, ...more] = logged
      .map(line => JSON.parse(line))
      .filter(({ event }) => event === 'refresh_token.reused')
    t.match(event, { level: 40, userId: sub, sessionId: sid, ip: '198.51.100.66', reqId: String })
    t.same(more, [], 'one event')
    t.equal(
      (await me(elsewhere.accessToken)).statusCode,
      200,
      'other sessions of the owner continue'
    )
    t.equal(await prisma.session.count(), 1)
  })

  t.test('an attacker who refreshes first is detected when the owner refreshes', async t => {
    const { logIn, refresh, wait } = await startApp(t)
    const { refreshToken } = await logIn()
    const attacker = (await refresh(refreshToken)).json()
    wait(31)
    t.equal(slugOf(await refresh(refreshToken)), 'session-ended', 'the owner must log in')
    t.equal(slugOf(await refresh(attacker.refreshToken)), 'session-ended', 'the attacker too')
  })

  t.test('an attacker with both tokens cannot see when the owner refreshes', async t => {
    const { logIn, refresh, sessions, wait } = await startApp(t)
    const stolen = await logIn()
    wait(60)
    await logIn()
    const before = (await sessions(stolen.accessToken)).json()
    wait(60)
    const owner = (await refresh(stolen.refreshToken)).json()
    t.strictSame((await sessions(stolen.accessToken)).json(), before)
    t.not(
      (await sessions(owner.accessToken)).json().sessions[0].lastUsedAt,
      before.sessions[0].lastUsedAt,
      'the owner can see it'
    )
  })
})

t.test('concurrent refreshes', async t => {
  t.test(
    'fifty concurrent refreshes with one token through two instances get one successor',
    async t => {
      const one = await startApp(t, shared)
      const two = await startApp(t, {
        ...shared,
        database: one.database,
        clock: one.clock,
        withoutUsers: true
      })
      const { refreshToken, accessToken } = await one.logIn()
      const responses = await Promise.all(
        Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? one : two).refresh(refreshToken))
      )
      t.same(new Set(responses.map(({ statusCode }) => statusCode)), new Set([200]))
      const successors = new Set(responses.map(response => response.json().refreshToken))
      t.equal(successors.size, 1)
      t.same(
        new Set(responses.map(response => decodeJwt(response.json().accessToken)['sid'])),
        new Set([decodeJwt(accessToken)['sid']])
      )
      t.equal(await one.prisma.session.count(), 1)
      const [successor = ''] = successors
      t.equal((await two.refresh(successor)).statusCode, 200, 'the successor works')
    }
  )

  t.test(
    'concurrent refreshes with a token and its successor create no second chain of tokens',
    async t => {
      const one = await startApp(t, shared)
      const two = await startApp(t, {
        ...shared,
        database: one.database,
        clock: one.clock,
        withoutUsers: true
      })
      const first = await one.logIn()
      const second = (await one.refresh(first.refreshToken)).json()
      const responses = await Promise.all(
        Array.from({ length: 50 }, (_, i) =>
          (i % 2 === 0 ? one : two).refresh(i % 4 < 2 ? first.refreshToken : second.refreshToken)
        )
      )
      const given = new Set(
        responses
          .filter(({ statusCode }) => statusCode === 200)
          .map(response => response.json().refreshToken)
      )
      given.delete(second.refreshToken)
      t.ok(given.size <= 1, 'at most one successor of the second token')
      // The session has ended if the first token came back after the second was used. Otherwise it
      // continues with one chain.
      const [newest = second.refreshToken] = given
      const count = await one.prisma.session.count()
      t.equal(slugOf(await one.refresh(newest)), count === 1 ? undefined : 'session-ended')
    }
  )

  t.test('fifty concurrent correct codes open one session', async t => {
    const { loginAndReadCode, verify, prisma } = await startApp(t, { policy: { codeAttempts: 50 } })
    const { challengeToken, code } = await loginAndReadCode()
    await Promise.all(Array.from({ length: 50 }, () => verify(challengeToken, code)))
    t.equal(await prisma.session.count(), 1)
  })

  t.test('concurrent refreshes, logouts and a new password leave no session', async t => {
    const one = await startApp(t, shared)
    const two = await startApp(t, {
      ...shared,
      database: one.database,
      clock: one.clock,
      withoutUsers: true
    })
    for (const end of [
      (token: string) => two.logout(token),
      () =>
        two.users.change(
          { username: ada.username },
          { passwordDigest: randomBytes(8).toString('hex') },
          new Date()
        ),
      (_: string, accessToken: string) =>
        two.endSession(accessToken, String(decodeJwt(accessToken)['sid'])),
      () => two.users.logOut({ username: ada.username }, two.clock())
    ]) {
      await one.prisma.user.deleteMany()
      await one.addUser(ada)
      one.wait(31)
      const { refreshToken, accessToken } = await one.logIn()
      const responses = await Promise.all(
        Array.from({ length: 20 }, async (_, i) =>
          i === 10
            ? await end(refreshToken, accessToken)
            : await (i % 2 === 0 ? one : two).refresh(refreshToken)
        )
      )
      t.equal(await one.prisma.session.count(), 0)
      for (const response of responses) {
        if (response === null || !('statusCode' in response) || response.statusCode !== 200)
          continue
        t.equal(slugOf(await one.refresh(response.json().refreshToken)), 'session-ended')
        t.equal(slugOf(await one.me(response.json().accessToken)), 'invalid-token')
      }
    }
  })
})

t.test('knowledge of an attacker', async t => {
  t.test('the id of a session is not enough to use or end it', async t => {
    const { logIn, refresh, logout, me } = await startApp(t)
    const { refreshToken, accessToken } = await logIn()
    const sid = String(decodeJwt(accessToken)['sid'])
    for (const token of [
      sid,
      sid.padEnd(64, 'A'),
      Buffer.concat([Buffer.from(sid, 'base64url').subarray(0, 16), randomBytes(32)]).toString(
        'base64url'
      ),
      Buffer.concat([
        randomBytes(16),
        Buffer.from(refreshToken, 'base64url').subarray(16)
      ]).toString('base64url')
    ]) {
      t.equal(slugOf(await refresh(token)), 'session-ended')
      t.equal((await logout(token)).statusCode, 204)
    }
    t.equal((await me(accessToken)).statusCode, 200)
    t.equal((await refresh(refreshToken)).statusCode, 200)
  })

  t.test("the database and the secret are not enough to find a session's token", async t => {
    const { logIn, refresh, prisma, logout } = await startApp(t, shared)
    const { refreshToken } = await logIn()
    const next = (await refresh(refreshToken)).json()
    const stored = await prisma.session.findFirstOrThrow()
    const key = deriveKey(shared.secrets[0], 'refresh-token')
    const known = [
      Buffer.from(stored.id),
      Buffer.from(stored.id, 'base64url'),
      Buffer.from(stored.tokenHash),
      shared.secrets[0],
      key
    ]
    const mac = (bytes: Buffer) => createHmac('sha256', key).update(bytes).digest()
    for (const start of known) {
      for (const other of known) {
        const named = Buffer.concat([start.subarray(0, 16), Buffer.from([0, 0, 0, 1])])
        for (const rest of [
          other,
          mac(other),
          mac(Buffer.concat([start.subarray(0, 16), other])),
          Buffer.concat([named.subarray(16), mac(named)])
        ]) {
          const token = Buffer.concat([start.subarray(0, 16), rest, Buffer.alloc(32)])
            .subarray(0, 48)
            .toString('base64url')
          t.equal(slugOf(await refresh(token)), 'session-ended')
          await logout(token)
        }
      }
    }
    t.equal((await refresh(next.refreshToken)).statusCode, 200)

    // With an older token, the key is enough. This shows that the guesses use the right format.
    const family = Buffer.from(refreshToken, 'base64url').subarray(0, 16)
    const named = Buffer.concat([family, Buffer.from([0, 0, 0, 1])])
    t.equal(
      Buffer.concat([named, mac(named).subarray(0, 28)]).toString('base64url'),
      next.refreshToken
    )
  })
})
