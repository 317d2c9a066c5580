import { generateKeyPairSync, randomBytes, randomInt } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import { createLocalJWKSet, jwtVerify } from 'jose'
import t, { type Test } from 'tap'
import { jwksMaxAge } from '../src/routes/jwks.ts'
import { ada, codeIn, slugOf, start } from './support/start.ts'

// A change of keys and secrets as .env.example and `npm run keys` tell it, on servers that are restarted one after another.

const keys = { old: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, new: generateKeyPairSync('ed25519').privateKey }
const secrets = { old: randomBytes(32), new: randomBytes(32) }
const challengeTtl = 600
const accessTokenTtl = 900

type Ring = readonly ['old' | 'new', ...('old' | 'new')[]]
type Setting = { keys: Ring, secrets: Ring }
/** A setting that one server after another is given, and the seconds before the next one. */
type Stage = Setting & { wait: number }
type Server = Awaited<ReturnType<typeof start>>

const before = ['old'] as const
const added = ['old', 'new'] as const
const first = ['new', 'old'] as const
const after = ['new'] as const

const change: [Stage, ...Stage[]] = [
  { keys: before, secrets: before, wait: 0 },
  { keys: added, secrets: added, wait: jwksMaxAge },
  { keys: first, secrets: first, wait: challengeTtl },
  { keys: first, secrets: after, wait: accessTokenTtl - challengeTtl },
  { keys: after, secrets: after, wait: 0 }
]

t.test('nothing that is good is refused while keys and secrets are changed step by step; in the end the old ones are worth nothing', async t => {
  const { refused, served, servers, join, outsider, wait } = await changing(t, change)
  t.same(refused, [])
  t.ok(served.challenges > 50 && served.tokens > 50, JSON.stringify(served))

  const forgotten = await join({ keys: before, secrets: before })
  const { challengeToken } = await forgotten.challenge()
  const token = await forgotten.accessToken()
  wait(jwksMaxAge)
  for (const { me, resend } of servers) {
    t.equal(slugOf(await me(token)), 'invalid-token')
    t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
  }
  await t.rejects(outsider(token), { code: 'ERR_JWKS_NO_MATCHING_KEY' })
})

// That the test above can see a refusal, and that no step and no second of waiting is for nothing.
const shortcuts: Record<string, { stages: [Stage, ...Stage[]], refused: string[] }> = {
  'a new key signs at once': {
    stages: [{ keys: before, secrets: before, wait: 0 }, { keys: first, secrets: before, wait: 0 }],
    refused: ['elsewhere: ERR_JWKS_NO_MATCHING_KEY']
  },
  'a new key signs before everybody has fetched it': {
    stages: [{ keys: before, secrets: before, wait: 0 }, { keys: added, secrets: before, wait: jwksMaxAge - 1 }, { keys: first, secrets: before, wait: 0 }],
    refused: ['elsewhere: ERR_JWKS_NO_MATCHING_KEY']
  },
  'an old key is dropped while its tokens live': {
    stages: [{ keys: added, secrets: before, wait: 0 }, { keys: first, secrets: before, wait: accessTokenTtl - 1 }, { keys: after, secrets: before, wait: 0 }],
    refused: ['/me: invalid-token']
  },
  'a new secret is used at once': {
    stages: [{ keys: before, secrets: before, wait: 0 }, { keys: before, secrets: first, wait: 0 }],
    refused: ['/resend: challenge-ended']
  },
  'an old secret is dropped while its challenges live': {
    stages: [{ keys: before, secrets: added, wait: 0 }, { keys: before, secrets: first, wait: challengeTtl - 1 }, { keys: before, secrets: after, wait: 0 }],
    refused: ['/resend: challenge-ended']
  }
}
for (const [what, { stages, refused: expected }] of Object.entries(shortcuts)) {
  t.test(`something that is good is refused when ${what}`, async t => {
    const { refused } = await changing(t, stages)
    for (const refusal of expected) t.ok(refused.includes(refusal), refused.join('; '))
  })
}

/** Takes two servers through these stages, while people log in and use their tokens. Resolves to what was refused to them. */
async function changing (t: Test, [begin, ...stages]: [Stage, ...Stage[]]) {
  const options = ({ keys: [key, ...otherKeys], secrets: [secret, ...otherSecrets] }: Setting) => ({
    signingKeys: [keys[key], ...otherKeys.map(age => keys[age])] as const,
    secrets: [secrets[secret], ...otherSecrets.map(age => secrets[age])] as const,
    accessTokenTtl,
    policy: { codeTtl: challengeTtl, challengeTtl, resendCooldown: 0 }
  })
  const one = await start(t, options(begin))
  const { database, clock, wait, addUser } = one
  const join = (setting: Setting) => start(t, { ...options(setting), database, clock, withoutUsers: true })
  const servers = [one, await join(begin)]
  const any = () => servers[randomInt(servers.length)] ?? one
  const outsider = outsideService(any, clock)

  const refused = new Set<string>()
  const accepted = (where: string, answer: LightMyRequestResponse) => {
    if (answer.statusCode !== 200) refused.add(`${where}: ${slugOf(answer)}`)
    return answer.statusCode === 200
  }

  const served = { challenges: 0, tokens: 0 }
  let challenges: { token: string, since: Date, hasty: boolean }[] = []
  let tokens: { token: string, since: Date }[] = []
  const younger = (seconds: number) => ({ since }: { since: Date }) => clock().getTime() - since.getTime() < seconds * 1000

  /** Everybody goes on with what they have, the hasty ones everywhere and to the end; then at each server somebody begins to log in. */
  async function goOn () {
    challenges = challenges.filter(younger(challengeTtl))
    for (const { token, hasty } of challenges) {
      let code = ''
      for (const { resend, twilio } of hasty ? servers : [any()]) {
        if (accepted('/resend', await resend(token))) code = codeIn(twilio.textsTo(ada.phone).at(-1)?.body)
      }
      served.challenges++
      if (!hasty) continue
      const answer = await any().verify(token, code)
      if (accepted('/verify', answer)) tokens.push({ token: answer.json().accessToken, since: clock() })
    }
    challenges = challenges.filter(({ hasty }) => !hasty)

    tokens = tokens.filter(younger(accessTokenTtl))
    for (const { token } of tokens) {
      accepted('/me', await any().me(token))
      await outsider(token).catch(error => refused.add(`elsewhere: ${error.code}`))
      served.tokens++
    }

    for (const [n, server] of servers.entries()) {
      const who = { ...ada, username: `person-${randomBytes(8).toString('hex')}` }
      await addUser(who)
      challenges.push({ token: (await server.challenge(who)).challengeToken, since: clock(), hasty: n === 0 })
    }
  }

  await goOn()
  await goOn()
  wait(begin.wait)
  for (const stage of stages) {
    for (const n of servers.keys()) {
      await servers[n]?.app.close()
      servers[n] = await join(stage)
      // Twice, so that what begins on servers of two settings is also used on them.
      await goOn()
      await goOn()
    }
    wait(stage.wait)
  }
  await goOn()
  return { refused: [...refused], served, servers, join, outsider, wait }
}

/** A service that checks our tokens by keys it fetches from any server, and goes by them for as long as it may. */
function outsideService (any: () => Server, clock: () => Date) {
  let keysOf: ReturnType<typeof createLocalJWKSet> | undefined
  let until = 0
  return async (token: string) => {
    if (keysOf === undefined || clock().getTime() >= until) {
      const answer = await any().app.inject('/.well-known/jwks.json')
      keysOf = createLocalJWKSet(answer.json())
      until = clock().getTime() + 1000 * Number(/max-age=(\d+)/.exec(String(answer.headers['cache-control']))?.[1])
    }
    return jwtVerify(token, keysOf, { issuer: 'https://login.example', audience: 'https://api.example', typ: 'at+jwt', algorithms: ['ES256', 'EdDSA'], currentDate: clock() })
  }
}
