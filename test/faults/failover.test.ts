import { createHash, createHmac, randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { deriveKey } from '../../src/domain/derive-key.ts'
import { slugOf, startApp } from '../support/start-app.ts'

// An asynchronous standby that takes over may lack the last transactions. These tests restore the
// session's row to its state before the last rotations.

async function loseRotations(t: Test, lost: number, before = 2) {
  const service = await startApp(t)
  const { logIn, me, prisma, refresh } = service
  const tokens = [(await logIn()).refreshToken]
  const rotate = async () => {
    tokens.push((await refresh(tokens.at(-1) ?? '')).json().refreshToken)
  }
  for (let i = 0; i < before; i++) await rotate()
  const { id, ...row } = await prisma.session.findFirstOrThrow()
  for (let i = 0; i < lost; i++) await rotate()
  const { accessToken } = (await refresh(tokens.at(-2) ?? '')).json()
  await prisma.session.update({ where: { id }, data: row })
  const newest = tokens.at(-1) ?? ''
  return {
    ...service,
    tokens,
    newest,
    accessToken,
    isLive: async () => (await me(accessToken)).statusCode === 200
  }
}

t.test('lost rotations', async t => {
  for (const lost of [1, 2, 5]) {
    t.test(`a session continues after a failover that lost ${lost} rotations`, async t => {
      const { isLive, newest, refresh, wait } = await loseRotations(t, lost)
      wait(60)
      const response = await refresh(newest)
      t.equal(response.statusCode, 200)
      const again = await refresh(newest)
      t.equal(
        again.json().refreshToken,
        response.json().refreshToken,
        'a lost response is repeated'
      )
      t.equal((await refresh(response.json().refreshToken)).statusCode, 200)
      t.ok(await isLive())
    })

    t.test(
      `a token newer by ${lost} ends the session when reused after the grace period`,
      async t => {
        const { isLive, newest, refresh, wait } = await loseRotations(t, lost)
        const next = (await refresh(newest)).json()
        wait(31)
        t.equal(slugOf(await refresh(newest)), 'session-ended')
        t.equal(slugOf(await refresh(next.refreshToken)), 'session-ended')
        t.notOk(await isLive())
      }
    )

    t.test(
      `a token older than the row ends the session after ${lost} rotations were lost`,
      async t => {
        const { isLive, tokens, refresh, wait } = await loseRotations(t, lost)
        wait(31)
        t.equal(slugOf(await refresh(tokens[0] ?? '')), 'session-ended')
        t.notOk(await isLive())
      }
    )
  }

  t.test('after a newer token was accepted, every older one counts as reuse', async t => {
    for (const i of [0, 1, 2, 3, 4]) {
      const { isLive, newest, tokens, refresh } = await loseRotations(t, 3)
      t.equal((await refresh(newest)).statusCode, 200)
      t.equal(slugOf(await refresh(tokens[i] ?? '')), 'session-ended', `token ${i}`)
      t.notOk(await isLive())
    }
  })

  t.test('fifty concurrent uses of a newer token all get the same successor', async t => {
    const { newest, prisma, refresh } = await loseRotations(t, 3)
    const responses = await Promise.all(Array.from({ length: 50 }, () => refresh(newest)))
    t.equal(new Set(responses.map(response => response.json().refreshToken)).size, 1)
    t.match(await prisma.session.findFirstOrThrow(), { generation: 6 })
  })

  t.test('a forged generation number is rejected', async t => {
    for (const forge of [
      (bytes: Buffer) => bytes.writeUInt32BE(bytes.readUInt32BE(16) + 1, 16),
      (bytes: Buffer) => bytes.writeUInt32BE(2 ** 31 - 2, 16),
      (bytes: Buffer) => bytes.writeUInt32BE(2 ** 32 - 1, 16),
      (bytes: Buffer) => randomBytes(28).copy(bytes, 20),
      (bytes: Buffer) =>
        createHmac('sha256', deriveKey(randomBytes(32), 'refresh-token'))
          .update(bytes.subarray(0, 20))
          .digest()
          .copy(bytes, 20)
    ]) {
      const { logIn, refresh } = await startApp(t)
      const bytes = Buffer.from((await logIn()).refreshToken, 'base64url')
      forge(bytes)
      t.equal(slugOf(await refresh(bytes.toString('base64url'))), 'session-ended')
    }
  })

  t.test('a newer token is recognized only while the old secret is configured', async t => {
    const [oldSecret, newSecret] = [randomBytes(32), randomBytes(32)]
    for (const secrets of [[newSecret, oldSecret], [newSecret]] as const) {
      const old = await startApp(t, { secrets: [oldSecret] })
      const { refreshToken } = await old.logIn()
      const { id, ...row } = await old.prisma.session.findFirstOrThrow()
      const newest = (await old.refresh(refreshToken)).json().refreshToken
      await old.prisma.session.update({ where: { id }, data: row })
      const { database, clock } = old
      const { refresh } = await startApp(t, { secrets, database, clock, withoutUsers: true })
      t.equal((await refresh(newest)).statusCode, secrets.length > 1 ? 200 : 401)
    }
  })
})

t.test('earlier versions', async t => {
  // The successor that earlier versions of the service create for a token.
  const successorInEarlierVersion = (secret: Buffer, token: string) => {
    const bytes = Buffer.from(token, 'base64url')
    const mac = createHmac('sha256', deriveKey(secret, 'refresh-token')).update(bytes).digest()
    return Buffer.concat([bytes.subarray(0, 16), mac]).toString('base64url')
  }
  const hashOf = (token: string) =>
    new Uint8Array(createHash('sha256').update(Buffer.from(token, 'base64url')).digest())

  t.test('a session of an earlier version continues and detects reuse', async t => {
    const secret = randomBytes(32)
    const { logIn, prisma, refresh, wait } = await startApp(t, { secrets: [secret] })
    const { refreshToken } = await logIn()
    const family = Buffer.from(refreshToken, 'base64url').subarray(0, 16)
    const first = Buffer.concat([family, randomBytes(32)]).toString('base64url')
    await prisma.session.updateMany({ data: { tokenHash: hashOf(first) } })
    const second = (await refresh(first)).json().refreshToken
    t.equal(second, successorInEarlierVersion(secret, first), 'the same as from an earlier version')
    t.equal((await refresh(first)).json().refreshToken, second, 'a lost response is repeated')
    const third = (await refresh(second)).json().refreshToken
    t.equal(third, successorInEarlierVersion(secret, second))
    wait(31)
    t.equal(slugOf(await refresh(second)), 'session-ended')
    t.equal(slugOf(await refresh(third)), 'session-ended')
  })

  t.test('a token that an instance of an earlier version rotated continues', async t => {
    const secret = randomBytes(32)
    const { logIn, prisma, refresh } = await startApp(t, { secrets: [secret] })
    const { refreshToken } = await logIn()
    const next = successorInEarlierVersion(secret, refreshToken)
    await prisma.session.updateMany({ data: { tokenHash: hashOf(next) } })
    t.equal((await refresh(refreshToken)).json().refreshToken, next, 'a lost response is repeated')
    t.equal((await refresh(next)).statusCode, 200)
    t.equal(slugOf(await refresh(refreshToken)), 'session-ended')
  })
})
