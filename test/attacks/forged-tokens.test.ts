import {
  constants,
  createHmac,
  createPublicKey,
  createSign,
  generateKeyPairSync,
  randomBytes,
  sign as signWith,
  type JsonWebKey,
  type KeyObject
} from 'node:crypto'
import { createServer, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose'
import t, { type Test } from 'tap'
import { deriveKey } from '../../src/domain/derive-key.ts'
import { differentCode, slugOf, startApp } from '../support/start-app.ts'

type Fields = Record<string, unknown>
type Signature = (input: string) => Buffer

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const attackerKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const publicKey = createPublicKey(privateKey)
const secret = randomBytes(32)

const es256 =
  (key: KeyObject): Signature =>
  input =>
    signWith('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
const hs256 =
  (key: Buffer | string): Signature =>
  input =>
    createHmac('sha256', key).update(input).digest()
const none: Signature = () => Buffer.alloc(0)

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
function token(header: unknown, claims: unknown, signature: Signature) {
  const input = `${encode(header)}.${encode(claims)}`
  return `${input}.${signature(input).toString('base64url')}`
}

/**
 * Returns forgeries of a valid token by their names. `signature` signs as the service does. `texts`
 * and `numbers` are the required claims of these types.
 */
function forgeries(
  valid: string,
  signature: Signature,
  texts: string[],
  numbers: string[]
): Record<string, string> {
  const header: Fields = { ...decodeProtectedHeader(valid) }
  const claims: Fields = { ...decodeJwt(valid) }
  const [head = '', body = '', tail = ''] = valid.split('.')
  const withHeader = (change: Fields) => token({ ...header, ...change }, claims, signature)
  const withClaims = (change: Fields) => token(header, { ...claims, ...change }, signature)
  const exp = Number(claims['exp'])
  const forged: Record<string, string> = {}
  const add = (name: string, value: string) => {
    forged[name] = value
  }

  for (const alg of ['none', 'None', 'NONE', 'nOnE', '', null, undefined, 1, {}, []]) {
    add(`alg ${JSON.stringify(alg)} without a signature`, token({ ...header, alg }, claims, none))
    add(`alg ${JSON.stringify(alg)}`, withHeader({ alg }))
  }
  for (const alg of [
    'HS256',
    'HS384',
    'HS512',
    'ES256',
    'ES384',
    'RS256',
    'PS256',
    'EdDSA',
    'es256',
    'hs256',
    'ES256 '
  ]) {
    if (alg !== header['alg']) add(`alg ${alg} over another signature`, withHeader({ alg }))
  }
  const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString()
  const jwk = {
    ...publicKey.export({ format: 'jwk' }),
    kid: header['kid'],
    alg: 'ES256',
    use: 'sig'
  }
  const der = publicKey.export({ format: 'der', type: 'spki' })
  for (const [name, key] of Object.entries({
    PEM: pem,
    'trimmed PEM': pem.trim(),
    JWK: JSON.stringify(jwk),
    DER: der,
    nothing: ''
  })) {
    add(`HS256 with ${name} as the key`, token({ ...header, alg: 'HS256' }, claims, hs256(key)))
  }
  add("an attacker's key", token({ ...header, alg: 'ES256' }, claims, es256(attackerKey)))
  add("an attacker's secret", token({ ...header, alg: 'HS256' }, claims, hs256(randomBytes(32))))

  for (const kid of [
    undefined,
    null,
    '',
    'unknown',
    '../',
    '../../../../dev/null',
    '/dev/null',
    `${header['kid']}\0`,
    ` ${header['kid']}`,
    {},
    [],
    [header['kid']],
    0,
    true,
    '__proto__',
    'constructor',
    'toString',
    'x'.repeat(1000),
    "' OR 1=1 --"
  ]) {
    add(`kid ${JSON.stringify(kid)?.slice(0, 50)}`, withHeader({ kid }))
  }
  for (const typ of [
    undefined,
    null,
    '',
    'JWT',
    'jwt',
    'at+jwt',
    'challenge+jwt',
    'receipt+jwt',
    'application/jwt',
    1,
    {},
    ['at+jwt', 'challenge+jwt']
  ]) {
    if (typ !== header['typ']) add(`typ ${JSON.stringify(typ)}`, withHeader({ typ }))
  }
  for (const crit of [['exp'], ['b64'], ['unknown'], [], 'exp', {}, null, '', 0, false])
    add(`crit ${JSON.stringify(crit)}`, withHeader({ crit, b64: false, unknown: 1 }))

  for (const iss of ['https://evil.example', 'https://login.example/', 'https://LOGIN.example', ''])
    add(`iss ${iss}`, withClaims({ iss }))
  for (const aud of ['https://evil.example', 'https://login.example', '', ['https://evil.example']])
    add(`aud ${aud}`, withClaims({ aud }))
  for (const name of texts) {
    for (const value of [undefined, null, 1, true, {}, [], [claims[name]], ''])
      add(`${name} ${JSON.stringify(value)}`, withClaims({ [name]: value }))
  }
  for (const name of numbers) {
    for (const value of [
      undefined,
      null,
      String(claims[name]),
      true,
      {},
      [],
      Number(claims[name]) + 0.5,
      'never',
      ...(name === 'exp' ? [0, -1, exp - 100_000] : [])
    ]) {
      add(`${name} ${JSON.stringify(value)}`, withClaims({ [name]: value }))
    }
    add(
      `${name} beyond the largest number`,
      token(
        header,
        JSON.stringify({ ...claims, [name]: 0 }).replace(`"${name}":0`, `"${name}":1e999`),
        signature
      )
    )
  }
  add('nbf in the future', withClaims({ nbf: exp + 100_000 }))
  for (const nbf of ['never', {}, '0', null, true, []])
    add(`nbf ${JSON.stringify(nbf)}`, withClaims({ nbf }))
  for (const payload of ['null', '[]', '1', '"x"', '', '{', '{}'])
    add(`the payload ${payload}`, token(header, payload, signature))
  for (const protectedHeader of ['null', '[]', '1', '"x"', '', '{', '{}'])
    add(`the header ${protectedHeader}`, token(protectedHeader, claims, signature))

  add('no signature', `${head}.${body}.`)
  add('no signature and no dot', `${head}.${body}`)
  add('a truncated signature', `${head}.${body}.${tail.slice(0, tail.length / 2)}`)
  add(
    'a signature without its last byte',
    `${head}.${body}.${Buffer.from(tail, 'base64url').subarray(0, -1).toString('base64url')}`
  )
  add('a signature with more bytes', `${head}.${body}.${tail}AAAA`)
  add('a signature of zeros', `${head}.${body}.${'A'.repeat(tail.length)}`)
  add(
    'a signature in DER',
    token({ ...header, alg: 'ES256' }, claims, input =>
      createSign('sha256').update(input).sign(privateKey)
    )
  )
  add(
    'the signature of another token',
    `${head}.${body}.${withClaims({ jti: 'x'.repeat(22) }).split('.')[2]}`
  )
  add('a payload of another token', `${head}.${encode({ ...claims, sub: claims['jti'] })}.${tail}`)
  add('four parts', `${valid}.${tail}`)
  add('five parts, as in an encrypted token', `${valid}.${tail}.${tail}`)
  add('dots', '..')
  add('the header only', head)
  for (const [name, character] of Object.entries({
    space: ' ',
    tab: '\t',
    'percent sign': '%',
    comma: ',',
    'byte above 127': 'é'
  })) {
    add(`a ${name} inside`, `${head}.${character}${body}.${tail}`)
    add(`a ${name} at the end`, `${valid}${character}`)
  }
  add('junk', 'x'.repeat(1500))
  add('dots only', '.'.repeat(1500))
  return forged
}

t.test('forged tokens', async t => {
  t.test('every forged access token is rejected without an internal error', async t => {
    const { me, accessToken, logged } = await startApp(t, { signingKeys: [privateKey] })
    const valid = await accessToken()
    const signature = es256(privateKey)
    t.equal(
      (await me(token(decodeProtectedHeader(valid), decodeJwt(valid), signature))).statusCode,
      200,
      'a token signed with the correct key is valid'
    )

    const forged = forgeries(
      valid,
      signature,
      ['sub', 'client_id', 'iss', 'aud', 'jti', 'sid'],
      ['iat', 'exp', 'auth_time']
    )
    const withClaims = (change: Fields) =>
      token(decodeProtectedHeader(valid), { ...decodeJwt(valid), ...change }, signature)
    for (const amr of [undefined, null, 'pwd', {}, [1], 1])
      forged[`amr ${JSON.stringify(amr)}`] = withClaims({ amr })
    for (const sub of ['ada', "' OR 1=1 --", '00000000-0000-4000-8000-000000000000'])
      forged[`sub ${sub}`] = withClaims({ sub })
    forged['another client'] = withClaims({ client_id: 'evil' })
    forged['8 KiB of junk'] = 'x'.repeat(8192)
    forged['nothing'] = ''

    for (const [name, value] of Object.entries(forged)) {
      const response = await me(value)
      t.strictSame(
        [response.statusCode, slugOf(response), response.headers['www-authenticate']],
        [401, 'invalid-token', 'Bearer realm="sms-login", error="invalid_token"'],
        name
      )
    }
    t.ok(Object.keys(forged).length > 180)
    t.equal(logged.filter(line => JSON.parse(line).level >= 50).length, 0)
  })

  t.test('every forged challenge token is rejected without using an attempt', async t => {
    const { loginAndReadCode, post, verify, logged } = await startApp(t, {
      signingKeys: [privateKey],
      secrets: [secret]
    })
    const { challengeToken: valid, code } = await loginAndReadCode()
    const key = deriveKey(secret, 'challenge-token')
    const forged = forgeries(valid, hs256(key), ['sub', 'iss', 'aud', 'jti'], ['iat', 'exp'])
    for (const [name, wrong] of Object.entries({
      'the secret itself': secret,
      'the key for codes': deriveKey(secret, 'code'),
      'the key in hex': key.toString('hex')
    })) {
      forged[`${name} as the key`] = token(
        decodeProtectedHeader(valid),
        decodeJwt(valid),
        hs256(wrong)
      )
    }
    for (const [name, challengeToken] of Object.entries(forged)) {
      for (const [url, body] of [
        ['/verify', { challengeToken, code: differentCode(code) }],
        ['/resend', { challengeToken }]
      ] as const) {
        const response = await post(url, body)
        t.strictSame(
          [response.statusCode, slugOf(response), response.headers['www-authenticate']],
          [401, 'challenge-ended', 'Bearer realm="sms-login"'],
          `${name} at ${url}`
        )
      }
    }
    t.equal(slugOf(await verify('x'.repeat(8192), code)), 'invalid-request')
    t.equal(slugOf(await verify('', code)), 'invalid-request')
    for (const value of [null, 1, {}, [valid], true])
      t.equal(slugOf(await post('/verify', { challengeToken: value, code })), 'invalid-request')
    t.ok(Object.keys(forged).length > 150)
    t.equal(logged.filter(line => JSON.parse(line).level >= 50).length, 0)

    const genuine = token(decodeProtectedHeader(valid), decodeJwt(valid), hs256(key))
    t.equal((await verify(genuine, differentCode(code))).json().attemptsRemaining, 4)
  })

  t.test(
    'every forged confirmation token is rejected without using an attempt or sending a message',
    async t => {
      const { logIn, confirm, resendConfirmation, verifyConfirmation, twilio, logged } =
        await startApp(t, {
          signingKeys: [privateKey],
          secrets: [secret],
          policy: { resendCooldown: 0 }
        })
      const { accessToken } = await logIn()
      const valid = (await confirm(accessToken)).json().confirmationToken
      const code = twilio.lastCode()
      const forged = forgeries(
        valid,
        hs256(deriveKey(secret, 'confirmation-token')),
        ['sub', 'iss', 'aud', 'jti'],
        ['iat', 'exp']
      )
      forged['the key for challenge tokens as the key'] = token(
        decodeProtectedHeader(valid),
        decodeJwt(valid),
        hs256(deriveKey(secret, 'challenge-token'))
      )
      for (const [name, confirmationToken] of Object.entries(forged)) {
        for (const response of [
          await verifyConfirmation(accessToken, confirmationToken, differentCode(code)),
          await resendConfirmation(accessToken, confirmationToken)
        ]) {
          t.strictSame([response.statusCode, slugOf(response)], [401, 'challenge-ended'], name)
        }
      }
      t.equal(twilio.messages.length, 2)
      t.equal(
        (await verifyConfirmation(accessToken, valid, differentCode(code))).json()
          .attemptsRemaining,
        4
      )
      t.equal((await verifyConfirmation(accessToken, valid, code)).statusCode, 200)
      t.equal(logged.filter(line => JSON.parse(line).level >= 50).length, 0)
    }
  )

  t.test('a key inside a token or referenced by it is neither used nor fetched', async t => {
    const { me, accessToken } = await startApp(t, { signingKeys: [privateKey] })
    const { port, connections } = await listener(t)
    const valid = await accessToken()
    const jwk = {
      ...createPublicKey(attackerKey).export({ format: 'jwk' }),
      kid: 'mine',
      alg: 'ES256',
      use: 'sig'
    }
    const url = `http://127.0.0.1:${port}/keys`
    for (const kid of ['mine', decodeProtectedHeader(valid).kid]) {
      for (const key of [
        { jwk },
        { jku: url },
        { x5u: url },
        { x5c: ['MIIB'] },
        { jwk, jku: url, x5u: url }
      ]) {
        const forged = token(
          { ...decodeProtectedHeader(valid), kid, ...key },
          decodeJwt(valid),
          es256(attackerKey)
        )
        t.equal(slugOf(await me(forged)), 'invalid-token', Object.keys(key).join())
      }
    }
    t.equal(connections(), 0)
  })

  t.test('each of several keys verifies only its own algorithm and tokens', async t => {
    const keys = {
      ES256: privateKey,
      EdDSA: generateKeyPairSync('ed25519').privateKey,
      RS256: generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
    }
    const signatures: Record<string, Signature> = {
      ES256: es256(keys.ES256),
      EdDSA: input => signWith(null, Buffer.from(input), keys.EdDSA),
      RS256: input => signWith('sha256', Buffer.from(input), keys.RS256),
      PS256: input =>
        signWith('sha256', Buffer.from(input), {
          key: keys.RS256,
          padding: constants.RSA_PKCS1_PSS_PADDING,
          saltLength: 32
        }),
      RS512: input => signWith('sha512', Buffer.from(input), keys.RS256)
    }
    const { app, me, accessToken } = await startApp(t, {
      signingKeys: [keys.ES256, keys.EdDSA, keys.RS256]
    })
    const claims = decodeJwt(await accessToken())
    const published: (JsonWebKey & { alg: string; kid: string })[] = (
      await app.inject('/.well-known/jwks.json')
    ).json().keys
    const accepted = new Set<string>()
    for (const { kid, alg: own, ...jwk } of published) {
      for (const alg of [...Object.keys(signatures), 'HS256', 'none']) {
        for (const [signed, signature] of Object.entries(signatures)) {
          const { statusCode } = await me(token({ alg, typ: 'at+jwt', kid }, claims, signature))
          if (statusCode === 200) accepted.add(`${own} key: ${alg}, signed with ${signed}`)
          else t.equal(statusCode, 401)
        }
        const pem = createPublicKey({ key: jwk, format: 'jwk' })
          .export({ format: 'pem', type: 'spki' })
          .toString()
        for (const secret of [
          pem,
          JSON.stringify({ ...jwk, alg: own, kid }),
          JSON.stringify(jwk),
          'x' in jwk ? Buffer.from(String(jwk.x), 'base64url') : Buffer.alloc(0)
        ]) {
          t.equal(
            (await me(token({ alg, typ: 'at+jwt', kid }, claims, hs256(secret)))).statusCode,
            401
          )
        }
      }
    }
    t.same(
      [...accepted],
      [
        'ES256 key: ES256, signed with ES256',
        'EdDSA key: EdDSA, signed with EdDSA',
        'RS256 key: RS256, signed with RS256'
      ]
    )
  })

  t.test('no header or claims cause an internal error, even when signed', async t => {
    const { me, accessToken, loginAndReadCode, resend, logged } = await startApp(t, {
      signingKeys: [privateKey],
      secrets: [secret],
      policy: { resendCooldown: 0 }
    })
    const tokens = [
      { valid: await accessToken(), signature: es256(privateKey), use: me },
      {
        valid: (await loginAndReadCode()).challengeToken,
        signature: hs256(deriveKey(secret, 'challenge-token')),
        use: resend
      }
    ]
    const names = [
      'alg',
      'typ',
      'kid',
      'crit',
      'b64',
      'jwk',
      'jku',
      'x5u',
      'x5c',
      'cty',
      'zip',
      'enc',
      'iss',
      'aud',
      'sub',
      'exp',
      'nbf',
      'iat',
      'jti',
      'client_id',
      'auth_time',
      'amr',
      'sid',
      '__proto__',
      'constructor'
    ]
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(...names),
      fc.integer(),
      fc.double(),
      fc.constantFrom(null, '', 0, -0, 1e21, [], {}, ['at+jwt'], '\0', '\ud800')
    )
    const change = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 3 })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...tokens),
        change,
        change,
        fc.boolean(),
        async ({ valid, signature, use }, header, claims, whole) => {
          const forged = whole
            ? token(header, claims, signature)
            : token(
                { ...decodeProtectedHeader(valid), ...header },
                { ...decodeJwt(valid), ...claims },
                signature
              )
          const { statusCode } = await use(forged)
          // 200 if only ignored values changed, and 400 if the token is too long.
          return statusCode === 401 || statusCode === 200 || statusCode === 400
        }
      ),
      { numRuns: 400 }
    )
    t.equal(logged.filter(line => JSON.parse(line).level >= 50).length, 0)
  })

  t.test('a token with any one character changed is rejected', async t => {
    const { me, accessToken } = await startApp(t)
    const valid = await accessToken()
    // Some bits of the last character of a signature are ignored.
    for (let i = 0; i < valid.length - 1; i += 3) {
      const changed = valid[i] === 'A' ? 'B' : 'A'
      const response = await me(valid.slice(0, i) + changed + valid.slice(i + 1))
      if (slugOf(response) !== 'invalid-token')
        t.fail(`character ${i} as ${changed}: ${response.statusCode}`)
    }
    t.equal((await me(valid)).statusCode, 200)
  })
})

t.test('valid variants', async t => {
  t.test('the token type may be written as a full media type in any case', async t => {
    const { me, accessToken } = await startApp(t, { signingKeys: [privateKey] })
    const valid = await accessToken()
    for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt']) {
      t.equal(
        (
          await me(
            token({ ...decodeProtectedHeader(valid), typ }, decodeJwt(valid), es256(privateKey))
          )
        ).statusCode,
        200,
        typ
      )
    }
  })

  t.test('variants of the ignored bits of a signature are the same token', async t => {
    const { me, accessToken, loginAndReadCode, resend, verify, users } = await startApp(t, {
      policy: { resendCooldown: 0 }
    })
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    /** A token and all tokens that differ from it only in ignored bits. */
    const variantsOf = (valid: string) =>
      [...alphabet]
        .map(last => valid.slice(0, -1) + last)
        .filter(other =>
          Buffer.from(other.split('.')[2] ?? '', 'base64url').equals(
            Buffer.from(valid.split('.')[2] ?? '', 'base64url')
          )
        )

    const access = await accessToken()
    t.equal(variantsOf(access).length, 16)
    const responses = await Promise.all(variantsOf(access).map(me))
    t.equal(
      new Set(responses.map(({ body }) => body)).size,
      1,
      'all belong to the same user and session'
    )

    const { challengeToken } = await loginAndReadCode()
    t.equal(variantsOf(challengeToken).length, 4)
    for (const token of variantsOf(challengeToken)) t.equal((await resend(token)).statusCode, 200)
    const { challengeToken: used, code } = await loginAndReadCode()
    t.equal((await verify(used, code)).statusCode, 200)
    for (const token of variantsOf(used))
      t.equal(slugOf(await verify(token, code)), 'challenge-ended')

    await users.change({ username: 'ada' }, { disabled: true }, new Date())
    for (const token of variantsOf(access)) t.equal(slugOf(await me(token)), 'invalid-token')
  })

  t.test('the authorization scheme is accepted in any case and no other scheme is', async t => {
    const { app, accessToken } = await startApp(t)
    const valid = await accessToken()
    const request = (authorization: string) =>
      app.inject({ url: '/me', headers: { authorization } })
    for (const header of [
      `Bearer ${valid}`,
      `bearer ${valid}`,
      `BEARER ${valid}`,
      `Bearer  ${valid}`
    ])
      t.equal((await request(header)).statusCode, 200, header.slice(0, 9))
    for (const header of [
      valid,
      `Bearer${valid}`,
      `Bearer\t${valid}`,
      `Bearer: ${valid}`,
      `Bearer "${valid}"`,
      `Token ${valid}`,
      `Basic ${btoa(`ada:${valid}`)}`,
      `DPoP ${valid}`,
      `Bearer ${valid}, Bearer ${valid}`,
      `Bearer ${valid} ${valid}`,
      'Bearer',
      'Bearer ',
      '',
      ' '
    ]) {
      const response = await request(header)
      t.strictSame(
        [response.statusCode, slugOf(response)],
        [401, 'invalid-token'],
        header.slice(0, 9)
      )
      t.match(response.headers['www-authenticate'], /^Bearer realm="sms-login"/)
    }
  })
})

t.test('times', async t => {
  t.test("a token is rejected until its nbf by the service's clock", async t => {
    const { me, accessToken, loginAndReadCode, resend, clock, wait } = await startApp(t, {
      signingKeys: [privateKey],
      secrets: [secret],
      policy: { resendCooldown: 0 }
    })
    const now = Math.floor(clock().getTime() / 1000)
    const access = await accessToken()
    const { challengeToken } = await loginAndReadCode()
    const withClaims = (valid: string, change: Fields, signature: Signature) =>
      token(decodeProtectedHeader(valid), { ...decodeJwt(valid), ...change }, signature)
    const signature = {
      access: es256(privateKey),
      challenge: hs256(deriveKey(secret, 'challenge-token'))
    }
    const statuses = async (change: Fields) => [
      (await me(withClaims(access, change, signature.access))).statusCode,
      (await resend(withClaims(challengeToken, change, signature.challenge))).statusCode
    ]
    t.same(await statuses({ nbf: now + 60 }), [401, 401])
    wait(59)
    t.same(await statuses({ nbf: now + 60 }), [401, 401])
    wait(1)
    t.same(await statuses({ nbf: now + 60 }), [200, 200])
    // RFC 7519 defines no check of `iat`, and the clocks of servers differ by seconds.
    t.same(await statuses({ iat: now + 100 }), [200, 200])
  })

  t.test('a signed token with an impossible time is rejected', async t => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    const { me, accessToken } = await startApp(t, { signingKeys: [key] })
    const token = await accessToken()
    const { kid } = decodeProtectedHeader(token)
    for (const time of [9e15, -1, Number.MAX_SAFE_INTEGER]) {
      const forged = await new SignJWT({ ...decodeJwt(token), auth_time: time })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: kid ?? '' })
        .sign(key)
      t.equal(slugOf(await me(forged)), 'invalid-token', String(time))
    }
  })
})

/** Listens on a port and counts the connections. */
async function listener(t: Test) {
  let connections = 0
  const server = createServer(socket => {
    connections++
    socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, connections: () => connections }
}
