import { generateKeyPairSync, randomBytes, randomInt } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import { createLocalJWKSet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { jwksMaxAge, receiptLifetime } from '../../src/domain/token-lifetimes.ts'
import { ada, codeIn, slugOf, startApp, transfer } from '../support/start-app.ts'

// A rotation of keys and secrets as .env.example and `npm run keys` describe it, on servers that
// restart one after another.

const keys = {
  old: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  new: generateKeyPairSync('ed25519').privateKey
}
const secrets = { old: randomBytes(32), new: randomBytes(32) }
const challengeTtl = 600
const defaultTtl = 900

type Ring = readonly ['old' | 'new', ...('old' | 'new')[]]
type Setting = { keys: Ring; secrets: Ring }
/** A setting that each server in turn starts with, and the seconds until the next one. */
type Stage = Setting & { wait: number }
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
  const { refused, served, servers, join, outsider, wait } = await rotate(t, documentedSteps)

  t.test('refuses no valid code or token', async t => {
    t.same(refused, [])
    for (const [what, count] of Object.entries(served)) t.ok(count > 50, `${count} ${what}`)
  })

  t.test('ends with the old key and secret refused', async t => {
    const forgotten = await join({ keys: before, secrets: before })
    const { challengeToken } = await forgotten.loginAndReadCode()
    const token = await forgotten.accessToken()
    wait(jwksMaxAge)
    for (const { me, resend } of servers) {
      t.equal(slugOf(await me(token)), 'invalid-token')
      t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
    }
    await t.rejects(outsider(token), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
  })
})

// These show that the test above detects a refusal, and that every step and wait is needed.
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
  'an old key is dropped while its tokens live': {
    stages: [
      { keys: added, secrets: before, wait: 0 },
      { keys: first, secrets: before, wait: defaultTtl - 1 },
      { keys: after, secrets: before, wait: 0 }
    ],
    refused: ['/me: invalid-token']
  },
  'an old key is dropped while its receipts live, though its access tokens have expired': {
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
  'an old secret is dropped while its challenges live': {
    stages: [
      { keys: before, secrets: added, wait: 0 },
      { keys: before, secrets: first, wait: challengeTtl - 1 },
      { keys: before, secrets: after, wait: 0 }
    ],
    refused: ['/resend: challenge-ended']
  }
}
for (const [what, { stages, accessTokenTtl, refused: expected }] of Object.entries(shortcuts)) {
  t.test(`a valid code or token is refused when ${what}`, async t => {
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
  [begin, ...stages]: [Stage, ...Stage[]],
  accessTokenTtl = defaultTtl
) {
  const options = ({ keys: [key, ...otherKeys], secrets: [secret, ...otherSecrets] }: Setting) => ({
    signingKeys: [keys[key], ...otherKeys.map(age => keys[age])] as const,
    secrets: [secrets[secret], ...otherSecrets.map(age => secrets[age])] as const,
    accessTokenTtl,
    policy: { codeTtl: challengeTtl, challengeTtl, resendCooldown: 0, confirmationMaxAge: 86400 }
  })
  const one = await startApp(t, options(begin))
  const { database, clock, wait, addUser } = one
  const join = (setting: Setting) =>
    startApp(t, { ...options(setting), database, clock, withoutUsers: true })
  const servers = [one, await join(begin)]
  const any = () => servers[randomInt(servers.length)] ?? one
  const refused = new Set<string>()
  const outsider = outsideService(any, clock)
  /** Verifies a token in two services, one of which has just fetched the keys. */
  const elsewhere = async (what: string, ...asked: Parameters<typeof outsider>) => {
    for (const service of [outsider, outsideService(any, clock)])
      await service(...asked).catch(error => refused.add(`${what} elsewhere: ${error.code}`))
  }

  const accepted = (where: string, answer: LightMyRequestResponse) => {
    const { statusCode } = answer
    if (statusCode >= 300) refused.add(`${where}: ${slugOf(answer)}`)
    return statusCode < 300
  }

  const served = { challenges: 0, tokens: 0, refreshes: 0, receipts: 0 }
  let challenges: { token: string; since: Date; hasty: boolean }[] = []
  let tokens: { token: string; since: Date }[] = []
  let sessions: {
    refreshToken: string
    accessToken: string
    asked?: { token: string; code: string; since: Date }
  }[] = []
  let receipts: { token: string; since: Date }[] = []
  const younger =
    (seconds: number) =>
    ({ since }: { since: Date }) =>
      clock().getTime() - since.getTime() < seconds * 1000

  /**
   * Continues every login, session and receipt, and finishes the logins that are `hasty`. Then a
   * new user begins to log in at each server.
   */
  async function goOn() {
    challenges = challenges.filter(younger(challengeTtl))
    for (const { token, hasty } of challenges) {
      let code = ''
      for (const { resend, twilio } of hasty ? servers : [any()]) {
        if (accepted('/resend', await resend(token)))
          code = codeIn(twilio.textsTo(ada.phone).at(-1)?.body)
      }
      served.challenges++
      if (!hasty) continue
      const answer = await any().verify(token, code)
      if (!accepted('/verify', answer)) continue
      tokens.push({ token: answer.json().accessToken, since: clock() })
      sessions.push(answer.json())
    }
    challenges = challenges.filter(({ hasty }) => !hasty)

    tokens = tokens.filter(younger(accessTokenTtl))
    for (const { token } of tokens) {
      accepted('/me', await any().me(token))
      await elsewhere('access token', token)
      served.tokens++
    }

    sessions = sessions.slice(-4)
    for (const session of sessions) await confirmAndRefresh(session)
    receipts = receipts.filter(younger(receiptLifetime))
    for (const { token } of receipts) {
      await elsewhere('receipt', token, 'receipt+jwt')
      served.receipts++
    }

    for (const [n, server] of servers.entries()) {
      const who = { ...ada, username: `user-${randomBytes(8).toString('hex')}` }
      await addUser(who)
      challenges.push({
        token: (await server.loginAndReadCode(who)).challengeToken,
        since: clock(),
        hasty: n === 0
      })
    }
  }

  /**
   * Refreshes at one server and again at the other, as a client does that lost the response. Then
   * finishes the pending confirmation and requests another.
   */
  async function confirmAndRefresh(session: (typeof sessions)[number]) {
    for (const { refresh } of servers) {
      const answer = await refresh(session.refreshToken)
      if (accepted('/refresh', answer)) session.accessToken = answer.json().accessToken
      served.refreshes++
    }
    const answer = await any().refresh(session.refreshToken)
    if (accepted('/refresh', answer)) session.refreshToken = answer.json().refreshToken

    const { accessToken, asked } = session
    if (asked !== undefined && younger(challengeTtl)(asked)) {
      const answer = await any().verifyConfirmation(accessToken, asked.token, asked.code)
      if (accepted('/confirmations/verify', answer))
        receipts.push({ token: answer.json().receipt, since: clock() })
    }
    delete session.asked
    const { confirm, twilio } = any()
    const confirmation = await confirm(accessToken, transfer)
    if (accepted('/confirmations', confirmation))
      session.asked = {
        token: confirmation.json().confirmationToken,
        code: twilio.lastCode(),
        since: clock()
      }
  }

  await goOn()
  await goOn()
  wait(begin.wait)
  for (const stage of stages) {
    for (const n of servers.keys()) {
      await servers[n]?.app.close()
      servers[n] = await join(stage)
      // Twice, so that logins begun on servers with two settings also finish on them.
      await goOn()
      await goOn()
    }
    wait(stage.wait)
  }
  await goOn()
  return { refused: [...refused], served, servers, join, outsider, wait }
}

/** A service that verifies our tokens with keys from any server and caches them as allowed. */
function outsideService(any: () => Server, clock: () => Date) {
  let keysOf: ReturnType<typeof createLocalJWKSet> | undefined
  let until = 0
  return async (token: string, typ = 'at+jwt') => {
    if (keysOf === undefined || clock().getTime() >= until) {
      const answer = await any().app.inject('/.well-known/jwks.json')
      keysOf = createLocalJWKSet(answer.json())
      until =
        clock().getTime() +
        1000 * Number(/max-age=(\d+)/.exec(String(answer.headers['cache-control']))?.[1])
    }
    return jwtVerify(token, keysOf, {
      issuer: 'https://login.example',
      audience: 'https://api.example',
      typ,
      algorithms: ['ES256', 'EdDSA'],
      currentDate: clock()
    })
  }
}
