import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import t from 'tap'
import { deriveKey } from '../../src/domain/derive-key.ts'
import { ada, startApp } from '../support/start-app.ts'

type Database = Awaited<ReturnType<typeof startApp>>['prisma']

/** Every row of every table as text, with binary values in hexadecimal. */
async function dump(prisma: Database) {
  const tables = await prisma.$queryRaw<{ name: string }[]>`
    SELECT tablename::text AS name
    FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> '_prisma_migrations'`
  const rows = await Promise.all(
    tables.map(({ name }) =>
      prisma.$queryRawUnsafe<{ row: string }[]>(
        `SELECT row_to_json(x)::text AS row FROM "${name}" x`
      )
    )
  )
  return rows
    .flat()
    .map(({ row }) => row)
    .join('\n')
}

t.test('no row holds a code, a password or a token', async t => {
  // Eight digits, because six may occur in a hash by chance.
  const { loginAndReadCode, refresh, resend, verify, prisma, twilio, wait } = await startApp(t, {
    codeLength: 8
  })
  const { challengeToken, code } = await loginAndReadCode()
  wait(30)
  await resend(challengeToken)
  const pending = await dump(prisma)
  const { accessToken, refreshToken } = (await verify(challengeToken, twilio.lastCode())).json()
  const { refreshToken: next } = (await refresh(refreshToken)).json()
  const used = await dump(prisma)
  t.match(pending, ada.phone, 'the dump contains the rows')
  t.match(pending, /\\\\x[0-9a-f]{64}/)
  for (const secret of [
    code,
    twilio.lastCode(),
    ada.password,
    challengeToken,
    challengeToken.split('.')[2] ?? '',
    accessToken,
    accessToken.split('.')[2],
    refreshToken,
    next
  ]) {
    for (const form of [
      secret,
      Buffer.from(secret).toString('hex'),
      Buffer.from(secret).toString('base64url')
    ]) {
      t.notOk(pending.includes(form) || used.includes(form), secret)
    }
  }
})

t.test('without the key, the table reveals no code even if all codes are tried', async t => {
  const secret = Buffer.alloc(32, 1)
  const { loginAndReadCode, prisma } = await startApp(t, { secrets: [secret] })
  const { code } = await loginAndReadCode()
  const { id, userId, codeHash, purpose } = await prisma.challenge.findFirstOrThrow()
  const stored = Buffer.from(codeHash).toString('hex')

  // Values that an attacker may know or guess, used before or after the digits or as the key.
  const known = [
    '',
    id,
    userId,
    purpose,
    ada.username,
    ada.phone,
    `${purpose}\n${id}\n`,
    `${id}:`,
    `${purpose}:${id}:`,
    'sms-login',
    'sms-login/code',
    'secret'
  ]
  const keys = [...known, Buffer.alloc(32), Buffer.from(id, 'base64url')]
  function* guesses(code: string) {
    for (const hash of ['sha256', 'sha3-256', 'sha512-256', 'blake2s256']) {
      for (const text of known) {
        yield createHash(hash)
          .update(text + code)
          .digest('hex')
        yield createHash(hash)
          .update(code + text)
          .digest('hex')
      }
    }
    for (const key of keys) {
      yield createHmac('sha256', key).update(code).digest('hex')
      yield createHmac('sha256', code).update(key).digest('hex')
      yield createHmac('sha256', key).update(`${purpose}\n${id}\n${code}`).digest('hex')
    }
    yield pbkdf2Sync(code, id, 1, 32, 'sha256').toString('hex')
    yield Buffer.from(code.padEnd(32)).toString('hex')
  }
  // Only the correct code could match. The others show that no other code does.
  const sample = [code, ...Array.from({ length: 200 }, (_, i) => String(i * 4999).padStart(6, '0'))]
  t.same(
    sample.filter(code => [...guesses(code)].includes(stored)),
    []
  )
})

t.test('the table and the key reveal the code, so only the key protects it', async t => {
  const secret = Buffer.alloc(32, 1)
  const { loginAndReadCode, prisma } = await startApp(t, { secrets: [secret] })
  const { code } = await loginAndReadCode()
  const { id, codeHash, purpose } = await prisma.challenge.findFirstOrThrow()
  const key = deriveKey(secret, 'code')
  t.same(
    createHmac('sha256', key).update(`${purpose}\n${id}\n${code}`).digest(),
    Buffer.from(codeHash)
  )
})

t.test('the same code has a different hash in every challenge', async t => {
  const { loginAndReadCode, prisma } = await startApp(t, { policy: { resendCooldown: 0 } })
  const hashes = new Set<string>()
  for (let i = 0; i < 10; i++) {
    await loginAndReadCode()
    hashes.add(Buffer.from((await prisma.challenge.findFirstOrThrow()).codeHash).toString('hex'))
  }
  t.equal(hashes.size, 10)
})

t.test('a challenge token contains nothing about the user or the code', async t => {
  const { loginAndReadCode, prisma, clock } = await startApp(t, { codeLength: 8 })
  const { challengeToken, code } = await loginAndReadCode()
  const { id: userId } = await prisma.user.findFirstOrThrow()
  const now = Math.floor(clock().getTime() / 1000)
  const { sub, jti, ...claims } = decodeJwt(challengeToken)
  t.strictSame(claims, {
    iss: 'https://login.example',
    aud: 'https://login.example/verify',
    iat: now,
    exp: now + 600
  })
  for (const random of [sub, jti]) t.match(random, /^[\w-]{22}$/)
  const { kid, ...header } = decodeProtectedHeader(challengeToken)
  t.strictSame(header, { alg: 'HS256', typ: 'challenge+jwt' })
  const content = challengeToken
    .split('.')
    .map(part => Buffer.from(part, 'base64url').toString('latin1'))
    .join()
  for (const secret of [code, ada.phone.slice(-4), ada.username, userId, ada.password])
    t.notOk(content.includes(secret), secret)
})
