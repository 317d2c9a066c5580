import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import {
  codeLifecycleModel,
  type CodeLifecycleModel,
  type Expected,
  type Fate,
  type ModelPolicy
} from '../support/code-lifecycle-model.ts'
import { serverUrl } from '../support/database.ts'
import { codeIn, differentCode, slugOf, startApp } from '../support/start-app.ts'
import type { Failure } from '../support/twilio-stand-in.ts'

type Service = Awaited<ReturnType<typeof startApp>>

/** One person at two instances of one service, and what that person has got so far. */
type Real = {
  instances: Service[]
  fateIs: (fate: Fate) => void
  username: string
  /** All that were handed out, oldest first. */
  tokens: string[]
  /** All that Twilio was asked to send, oldest first. */
  codes: string[]
}
type Model = { life: CodeLifecycleModel; tokens: number }
type Command = fc.AsyncCommand<Model, Real>

const fates: Record<Fate, Failure> = {
  accepted: ({ take, succeed }) => {
    take()
    succeed()
  },
  rejected: ({ fail }) => fail(400, 21606),
  undeliverable: ({ fail }) => fail(400, 21610),
  lost: ({ fail }) => fail(503, null),
  'delivered, but not confirmed': ({ take, fail }) => {
    take()
    fail(500, null)
  }
}

const outbox = ({ instances }: Real) => ({
  asked: instances.flatMap(({ twilio }) => twilio.requests).length,
  arrived: instances.flatMap(({ twilio }) => twilio.texts).length
})

/** Sends a request and holds the answer, and what Twilio saw of it, against what the model says. */
async function compare(
  { life }: Model,
  real: Real,
  service: Service,
  expected: Expected,
  act: () => Promise<LightMyRequestResponse>
) {
  const before = outbox(real)
  const answer = await act()
  const after = outbox(real)
  const body = answer.json()
  const facts = {
    sent: body.sent,
    expiresIn: 'accessToken' in body ? undefined : body.expiresIn,
    codeExpiresIn: body.codeExpiresIn,
    resendIn: body.resendIn,
    attemptsRemaining: body.attemptsRemaining,
    reason: body.reason,
    slug: slugOf(answer),
    retryAfter:
      answer.headers['retry-after'] === undefined
        ? undefined
        : Number(answer.headers['retry-after']),
    asked: after.asked > before.asked || undefined,
    arrived: after.arrived > before.arrived || undefined
  }
  assert.deepEqual(
    {
      status: answer.statusCode,
      ...Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== undefined))
    },
    expected
  )
  assert.ok(after.asked - before.asked <= 1, 'one text at most')
  assert.equal(body.retryAfter, facts.retryAfter, 'header and body agree')
  if (facts.sent)
    assert.equal(
      Number(service.twilio.requests.at(-1)?.['ValidityPeriod']),
      facts.codeExpiresIn,
      'Twilio drops a text that would come after its code'
    )
  if (body.accessToken !== undefined)
    assert.equal((await service.me(body.accessToken)).json().username, real.username)

  const code = facts.asked && codeIn(service.twilio.requests.at(-1)?.['Body'])
  if (code !== undefined) {
    assert.notEqual(code, real.codes.at(-1), 'a new code is not the one before it')
    real.codes.push(code)
  }
  if (body.challengeToken !== undefined) real.tokens.push(body.challengeToken)
  life.learn({ token: body.challengeToken, code })
}

const always = () => true
const instance = fc.nat(1)
const fate = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fate>('accepted') },
  { weight: 2, arbitrary: fc.constantFrom(...(Object.keys(fates) as Fate[])) }
)
// Mostly the newest: how many back.
const back = fc.oneof(
  { weight: 9, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) }
)
const picked = <T>(list: T[], back: number) => list[Math.max(list.length - 1 - back, 0)]!

const logins = fc
  .record({
    at: instance,
    rightPassword: fc.oneof(
      { weight: 6, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) }
    ),
    fate
  })
  .map(({ at, rightPassword, fate }): Command => ({
    check: always,
    async run(model, real) {
      const service = real.instances[at]!
      real.fateIs(fate)
      await compare(model, real, service, model.life.login(rightPassword, fate), () =>
        service.login({
          username: real.username,
          password: rightPassword ? 'right password' : 'wrong password'
        })
      )
      model.tokens = real.tokens.length
    },
    toString: () =>
      `login with ${rightPassword ? 'right' : 'wrong'} password at ${at}, text ${fate}`
  }))

const resends = fc.record({ at: instance, back, fate }).map(({ at, back, fate }): Command => ({
  check: ({ tokens }) => tokens > 0,
  async run(model, real) {
    const service = real.instances[at]!
    const token = picked(real.tokens, back)
    real.fateIs(fate)
    await compare(model, real, service, model.life.resend(token, fate), () => service.resend(token))
    model.tokens = real.tokens.length
  },
  toString: () => `resend for token ${back} back at ${at}, text ${fate}`
}))

/**
 * The newest code, or an old one, or (`wrong`) one that is not the newest, with a new token or an
 * old one.
 */
const verifies = (wrong: boolean) =>
  fc
    .record({ at: instance, token: back, code: wrong ? fc.constant(0) : back })
    .map(({ at, token: tokenBack, code: codeBack }): Command => ({
      check: ({ tokens }) => tokens > 0,
      async run(model, real) {
        const service = real.instances[at]!
        const token = picked(real.tokens, tokenBack)
        const code = wrong ? differentCode(picked(real.codes, 0)) : picked(real.codes, codeBack)
        await compare(model, real, service, model.life.verify(token, code), () =>
          service.verify(token, code)
        )
      },
      toString: () =>
        `verify ${wrong ? 'a wrong code' : `code ${codeBack} back`} with token ${tokenBack} back at ${at}`
    }))

// A second before, at and after whatever ends, and then some.
const waits = ({ codeTtl, challengeTtl, resendCooldown }: ModelPolicy) => {
  const around = (seconds: number) => [seconds - 1, seconds, seconds + 1].filter(one => one > 0)
  return fc
    .oneof(
      { weight: 6, arbitrary: fc.constantFrom(...around(resendCooldown), ...around(codeTtl), 7) },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          ...around(challengeTtl),
          ...around(900),
          ...around(1800),
          ...around(3600),
          86_400
        )
      }
    )
    .map((seconds): Command => ({
      check: always,
      async run({ life }, { instances }) {
        life.wait(seconds)
        for (const { wait } of instances) wait(seconds)
      },
      toString: () => `wait ${seconds} s`
    }))
}

const unlocks = fc.constant<Command>({
  check: always,
  async run({ life }, { instances, username }) {
    life.unlock()
    assert.ok(await instances[0]!.users.unlock({ username }))
  },
  toString: () => 'unlock'
})

/**
 * Two instances of one service whose clocks agree, and a Twilio that does what it is told for all
 * texts.
 */
async function twoInstances(t: Test, { codeFailures, messagesPerHour, ...policy }: ModelPolicy) {
  const options = {
    secrets: [randomBytes(32)] as const,
    limits: { codeFailures, messagesPerPhoneHour: messagesPerHour },
    policy
  }
  const one = await startApp(t, options)
  const two = await startApp(t, { ...options, database: one.database, withoutUsers: true })
  two.wait((one.clock().getTime() - two.clock().getTime()) / 1000)

  let fate: Fate = 'accepted'
  for (const { twilio } of [one, two]) {
    const play: Failure = exchange => {
      twilio.next(play)
      fates[fate](exchange)
    }
    twilio.next(play)
  }
  return {
    instances: [one, two],
    fateIs(next: Fate) {
      fate = next
    }
  }
}

const policies: Record<string, ModelPolicy> = {
  'as it is when nothing is configured': {
    codeTtl: 60,
    challengeTtl: 600,
    resendCooldown: 30,
    codeAttempts: 5,
    codeFailures: 5,
    messagesPerHour: 6
  },
  'whose cooldown is longer than a code lives': {
    codeTtl: 20,
    challengeTtl: 120,
    resendCooldown: 45,
    codeAttempts: 3,
    codeFailures: 4,
    messagesPerHour: 3
  },
  'without cooldown, with codes as long as their challenges': {
    codeTtl: 600,
    challengeTtl: 600,
    resendCooldown: 0,
    codeAttempts: 8,
    codeFailures: 2,
    messagesPerHour: 6
  },
  'without limits': {
    codeTtl: 60,
    challengeTtl: 90,
    resendCooldown: 30,
    codeAttempts: 5,
    codeFailures: 0,
    messagesPerHour: 0
  }
}

for (const [name, policy] of Object.entries(policies)) {
  t.test(
    `at a service ${name}, any order of requests, waits and failures gets the documented responses`,
    async t => {
      const service = await twoInstances(t, policy)
      const passwordDigest = await service.instances[0]!.passwords.hash('right password')
      let people = 0

      const commands = fc.commands(
        [
          logins,
          logins,
          logins,
          resends,
          resends,
          verifies(false),
          verifies(true),
          verifies(true),
          verifies(true),
          waits(policy),
          waits(policy),
          unlocks
        ],
        { maxCommands: 60, size: 'max' }
      )
      // Those who have guessed before, so that long locks, and the end of all tries, are within
      // reach.
      const failuresBefore = fc.constantFrom(0, 0, 0, 3, 8, 33, 94, 98)
      await fc.assert(
        fc.asyncProperty(commands, failuresBefore, async (commands, codeFailures) => {
          // Each run has a person and a phone of its own, because time only goes on.
          const n = people++
          const username = `person-${n}`
          await service.instances[0]!.prisma.user.create({
            data: {
              username,
              usernameKey: username,
              phone: `+1202556${String(n).padStart(4, '0')}`,
              passwordDigest,
              codeFailures
            }
          })
          await fc.asyncModelRun(
            () => ({
              model: { life: codeLifecycleModel(policy, codeFailures), tokens: 0 },
              real: { ...service, username, tokens: [], codes: [] }
            }),
            commands
          )
        }),
        { numRuns: serverUrl === undefined ? 5 : 20 }
      )
    }
  )
}
