import { generateKeyPairSync, randomBytes, randomInt } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import { createLocalJWKSet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { jwksMaxAge, receiptLifetime } from '../../src/domain/token-lifetimes.ts'
import { ada, codeIn, slugOf, startApp, transfer } from '../support/start-app.ts'

// These tests rotate keys and secrets as .env.example and `npm run keys` describe it, on servers
// that restart one after another.

const keys = {
  old: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  new: generateKeyPairSync('ed25519').privateKey
}
const secrets = { old: randomBytes(32), new: randomBytes(32) }
const challengeTtl = 600
const defaultTtl = 900

/** The configured keys or secrets in order. The first one signs. */
type Order = readonly ['old' | 'new', ...('old' | 'new')[]]
type Configuration = { keys: Order; secrets: Order }
/** A configuration with which each server restarts in turn, and seconds until the next stage. */
type Stage = Configuration & { wait: number }
type Server = Awaited<ReturnType<typeof startApp>>

const before = ['old'] as const
const added = ['old', 'new'] as const
const first = ['new', 'old'] as const
const after = ['new'] as const

const documentedSteps: [Stage, ...Stage[]] = [
  { keys: before, secrets: before, wait: 0 },
  { keys: added, secrets: added, wait: jwksMaxAge },
  { keys: first, secrets: first, wait: challengeTtl },
  { keys: first, secrets: after, wait: defaultTtl - challengeTtl },
  { keys: after, secrets: after, wait: 0 }
]

t.test('a rotation of keys and secrets in the documented steps', async t => {
  const { refused, served, servers, join, verifyElsewhere, wait } = await rotate(t, documentedSteps)

  t.test('refuses no valid code or token', async t => {
    t.same(refused, [])
    for (const [kind, count] of Object.entries(served)) t.ok(count > 50, `${count} ${kind}`)
  })

  t.test('ends with the old key and secret refused', async t => {
    const outdated = await join({ keys: before, secrets: before })
    const { challengeToken } = await outdated.loginAndReadCode()
    const token = await outdated.accessToken()
    wait(jwksMaxAge)
    for (const { me, resend } of servers) {
      t.equal(slugOf(await me(token)), 'invalid-token')
      t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
    }
    await t.rejects(verifyElsewhere(token), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
  })
})

// These tests show that the test above detects a refusal and that every step and wait is needed.
const shortcuts: Record<
  string,
  { stages: [Stage, ...Stage[]]; accessTokenTtl?: number; refused: string[] }
> = {
  'a new key signs at once': {
    stages: [
      { keys: before, secrets: before, wait: 0 },
      { keys: first, secrets: before, wait: 0 }
    ],
    refused: ['access token elsewhere: ERR_JWKS_NO_MATCHING_KEY']
  },
  'a new key signs before every client has fetched it': {
    stages: [
      { keys: before, secrets: before, wait: 0 },
      { keys: added, secrets: before, wait: jwksMaxAge - 1 },
      { keys: first, secrets: before, wait: 0 }
    ],
    refused: ['access token elsewhere: ERR_JWKS_NO_MATCHING_KEY']
  },
  'an old key is removed while its tokens are valid': {
    stages: [
      { keys: added, secrets: before, wait: 0 },
      { keys: first, secrets: before, wait: defaultTtl - 1 },
      { keys: after, secrets: before, wait: 0 }
    ],
    refused: ['/me: invalid-token']
  },
  'an old key is removed while its receipts are valid': {
    stages: [
      { keys: added, secrets: before, wait: 0 },
      { keys: first, secrets: before, wait: receiptLifetime - 1 },
      { keys: after, secrets: before, wait: 0 }
    ],
    accessTokenTtl: 60,
    refused: ['receipt elsewhere: ERR_JWKS_NO_MATCHING_KEY']
  },
  'a new secret is used at once': {
    stages: [
      { keys: before, secrets: before, wait: 0 },
      { keys: before, secrets: first, wait: 0 }
    ],
    refused: ['/resend: challenge-ended']
  },
  'an old secret is removed while its challenges are valid': {
    stages: [
      { keys: before, secrets: added, wait: 0 },
      { keys: before, secrets: first, wait: challengeTtl - 1 },
      { keys: before, secrets: after, wait: 0 }
    ],
    refused: ['/resend: challenge-ended']
  }
}
for (const [shortcut, { stages, accessTokenTtl, refused: expected }] of Object.entries(shortcuts)) {
  t.test(`a valid code or token is refused when ${shortcut}`, async t => {
    const { refused } = await rotate(t, stages, accessTokenTtl)
    for (const refusal of expected) t.ok(refused.includes(refusal), refused.join('; '))
  })
}

/**
 * Takes two servers through these stages while users log in and use their tokens. Resolves to the
 * requests that were refused.
 */
async function rotate(
  t: Test,
  [initial, ...stages]: [Stage, ...Stage[]],
  accessTokenTtl = defaultTtl
) {
  const options = ({
    keys: [key, ...otherKeys],
    secrets: [secret, ...otherSecrets]
  }: Configuration) => ({
    signingKeys: [keys[key], ...otherKeys.map(name => keys[name])] as const,
    secrets: [secrets[secret], ...otherSecrets.map(name => secrets[name])] as const,
    accessTokenTtl,
    policy: { codeTtl: challengeTtl, challengeTtl, resendCooldown: 0, confirmationMaxAge: 86400 }
  })
  const firstServer = await startApp(t, options(initial))
  const { database, clock, wait, addUser } = firstServer
  const join = (configuration: Configuration) =>
    startApp(t, { ...options(configuration), database, clock, withoutUsers: true })
  const servers = [firstServer, await join(initial)]
  const any = () => servers[randomInt(servers.length)] ?? firstServer
  const refused = new Set<string>()
  const verifyElsewhere = createVerifier(any, clock)
  /** Verifies a token with cached keys and again with freshly fetched keys. */
  const verify = async (kind: string, ...args: Parameters<typeof verifyElsewhere>) => {
    for (const verifier of [verifyElsewhere, createVerifier(any, clock)])
      await verifier(...args).catch(error => refused.add(`${kind} elsewhere: ${error.code}`))
  }

  const accepted = (path: string, response: LightMyRequestResponse) => {
    const { statusCode } = response
    if (statusCode >= 300) refused.add(`${path}: ${slugOf(response)}`)
    return statusCode < 300
  }

  const served = { challenges: 0, tokens: 0, refreshes: 0, receipts: 0 }
  let challenges: { token: string; createdAt: Date; finishes: boolean }[] = []
  let tokens: { token: string; createdAt: Date }[] = []
  let sessions: {
    refreshToken: string
    accessToken: string
    pending?: { token: string; code: string; createdAt: Date }
  }[] = []
  let receipts: { token: string; createdAt: Date }[] = []
  const youngerThan =
    (seconds: number) =>
    ({ createdAt }: { createdAt: Date }) =>
      clock().getTime() - createdAt.getTime() < seconds * 1000

  /**
   * Uses every pending login, session and receipt, and completes the logins with `finishes`. Then a
   * new user starts to log in at each server.
   */
  async function useAll() {
    challenges = challenges.filter(youngerThan(challengeTtl))
    for (const { token, finishes } of challenges) {
      let code = ''
      for (const { resend, twilio } of finishes ? servers : [any()]) {
        if (accepted('/resend', await resend(token)))
          code = codeIn(twilio.messagesTo(ada.phone).at(-1)?.body)
      }
      served.challenges++
      if (!finishes) continue
      const response = await any().verify(token, code)
      if (!accepted('/verify', response)) continue
      tokens.push({ token: response.json().accessToken, createdAt: clock() })
      sessions.push(response.json())
    }
    challenges = challenges.filter(({ finishes }) => !finishes)

    tokens = tokens.filter(youngerThan(accessTokenTtl))
    for (const { token } of tokens) {
      accepted('/me', await any().me(token))
      await verify('access token', token)
      served.tokens++
    }

    sessions = sessions.slice(-4)
    for (const session of sessions) await confirmAndRefresh(session)
    receipts = receipts.filter(youngerThan(receiptLifetime))
    for (const { token } of receipts) {
      await verify('receipt', token, 'receipt+jwt')
      served.receipts++
    }

    for (const [n, server] of servers.entries()) {
      const user = { ...ada, username: `user-${randomBytes(8).toString('hex')}` }
      await addUser(user)
      challenges.push({
        token: (await server.loginAndReadCode(user)).challengeToken,
        createdAt: clock(),
        finishes: n === 0
      })
    }
  }

  /**
   * Refreshes at one server and again at the other, as a client does that lost the response. Then
   * finishes the pending confirmation and requests another.
   */
  async function confirmAndRefresh(session: (typeof sessions)[number]) {
    for (const { refresh } of servers) {
      const response = await refresh(session.refreshToken)
      if (accepted('/refresh', response)) session.accessToken = response.json().accessToken
      served.refreshes++
    }
    const response = await any().refresh(session.refreshToken)
    if (accepted('/refresh', response)) session.refreshToken = response.json().refreshToken

    const { accessToken, pending } = session
    if (pending !== undefined && youngerThan(challengeTtl)(pending)) {
      const response = await any().verifyConfirmation(accessToken, pending.token, pending.code)
      if (accepted('/confirmations/verify', response))
        receipts.push({ token: response.json().receipt, createdAt: clock() })
    }
    delete session.pending
    const { confirm, twilio } = any()
    const confirmation = await confirm(accessToken, transfer)
    if (accepted('/confirmations', confirmation))
      session.pending = {
        token: confirmation.json().confirmationToken,
        code: twilio.lastCode(),
        createdAt: clock()
      }
  }

  await useAll()
  await useAll()
  wait(initial.wait)
  for (const stage of stages) {
    for (const n of servers.keys()) {
      await servers[n]?.app.close()
      servers[n] = await join(stage)
      // Twice, so that logins that start while the servers differ also complete while they differ.
      await useAll()
      await useAll()
    }
    wait(stage.wait)
  }
  await useAll()
  return { refused: [...refused], served, servers, join, verifyElsewhere, wait }
}

/** Another service. It verifies tokens with keys from any server and caches them as allowed. */
function createVerifier(any: () => Server, clock: () => Date) {
  let keySet: ReturnType<typeof createLocalJWKSet> | undefined
  let expiresAt = 0
  return async (token: string, typ = 'at+jwt') => {
    if (keySet === undefined || clock().getTime() >= expiresAt) {
      const response = await any().app.inject('/.well-known/jwks.json')
      keySet = createLocalJWKSet(response.json())
      expiresAt =
        clock().getTime() +
        1000 * Number(/max-age=(\d+)/.exec(String(response.headers['cache-control']))?.[1])
    }
    return jwtVerify(token, keySet, {
      issuer: 'https://login.example',
      audience: 'https://api.example',
      typ,
      algorithms: ['ES256', 'EdDSA'],
      currentDate: clock()
    })
  }
}
