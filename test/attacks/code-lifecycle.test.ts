import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import type { LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import {
  createCodeLifecycleModel,
  type CodeLifecycleModel,
  type Expected,
  type MessageOutcome,
  type ModelPolicy
} from '../support/code-lifecycle-model.ts'
import { serverUrl } from '../support/database.ts'
import { codeIn, differentCode, slugOf, startApp } from '../support/start-app.ts'
import type { Failure } from '../support/twilio-stand-in.ts'

type Service = Awaited<ReturnType<typeof startApp>>

/** One user of two instances of the service, with the tokens and codes they have received. */
type Real = {
  instances: Service[]
  setOutcome: (outcome: MessageOutcome) => void
  username: string
  /** All challenge tokens, oldest first. */
  tokens: string[]
  /** The codes of all requests to Twilio, oldest first. */
  codes: string[]
}
type Model = { lifecycle: CodeLifecycleModel; tokens: number }
type Command = fc.AsyncCommand<Model, Real>

const outcomes: Record<MessageOutcome, Failure> = {
  accepted: ({ accept, succeed }) => {
    accept()
    succeed()
  },
  rejected: ({ fail }) => fail(400, 21606),
  undeliverable: ({ fail }) => fail(400, 21610),
  lost: ({ fail }) => fail(503, null),
  'delivered, but not confirmed': ({ accept, fail }) => {
    accept()
    fail(500, null)
  }
}

const countMessages = ({ instances }: Real) => ({
  requested: instances.flatMap(({ twilio }) => twilio.requests).length,
  delivered: instances.flatMap(({ twilio }) => twilio.messages).length
})

/** Sends a request and compares its response and messages with those of the model. */
async function compare(
  { lifecycle }: Model,
  real: Real,
  service: Service,
  expected: Expected,
  send: () => Promise<LightMyRequestResponse>
) {
  const before = countMessages(real)
  const response = await send()
  const after = countMessages(real)
  const body = response.json()
  const facts = {
    sent: body.sent,
    expiresIn: 'accessToken' in body ? undefined : body.expiresIn,
    codeExpiresIn: body.codeExpiresIn,
    resendIn: body.resendIn,
    attemptsRemaining: body.attemptsRemaining,
    reason: body.reason,
    slug: slugOf(response),
    retryAfter:
      response.headers['retry-after'] === undefined
        ? undefined
        : Number(response.headers['retry-after']),
    requested: after.requested > before.requested || undefined,
    delivered: after.delivered > before.delivered || undefined
  }
  assert.deepEqual(
    {
      status: response.statusCode,
      ...Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== undefined))
    },
    expected
  )
  assert.ok(after.requested - before.requested <= 1, 'at most one message')
  assert.equal(body.retryAfter, facts.retryAfter, 'header and body agree')
  if (facts.sent)
    assert.equal(
      Number(service.twilio.requests.at(-1)?.['ValidityPeriod']),
      facts.codeExpiresIn,
      'Twilio discards the message once the code has expired'
    )
  if (body.accessToken !== undefined)
    assert.equal((await service.me(body.accessToken)).json().username, real.username)

  const code = facts.requested && codeIn(service.twilio.requests.at(-1)?.['Body'])
  if (code !== undefined) {
    assert.notEqual(code, real.codes.at(-1), 'a new code differs from the previous one')
    real.codes.push(code)
  }
  if (body.challengeToken !== undefined) real.tokens.push(body.challengeToken)
  lifecycle.learn({ token: body.challengeToken, code })
}

const always = () => true
const instance = fc.nat(1)
const outcome = fc.oneof(
  { weight: 6, arbitrary: fc.constant<MessageOutcome>('accepted') },
  { weight: 2, arbitrary: fc.constantFrom(...(Object.keys(outcomes) as MessageOutcome[])) }
)
// How many steps back from the newest token or code, usually none.
const back = fc.oneof(
  { weight: 9, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) }
)
const pick = <T>(list: T[], back: number) => list[Math.max(list.length - 1 - back, 0)]!

const logins = fc
  .record({
    at: instance,
    isPasswordCorrect: fc.oneof(
      { weight: 6, arbitrary: fc.constant(true) },
      { weight: 1, arbitrary: fc.constant(false) }
    ),
    outcome
  })
  .map(({ at, isPasswordCorrect, outcome }): Command => ({
    check: always,
    async run(model, real) {
      const service = real.instances[at]!
      real.setOutcome(outcome)
      await compare(model, real, service, model.lifecycle.login(isPasswordCorrect, outcome), () =>
        service.login({
          username: real.username,
          password: isPasswordCorrect ? 'right password' : 'wrong password'
        })
      )
      model.tokens = real.tokens.length
    },
    toString: () =>
      `login with ${isPasswordCorrect ? 'correct' : 'wrong'} password at ${at}, message ${outcome}`
  }))

const resends = fc
  .record({ at: instance, back, outcome })
  .map(({ at, back, outcome }): Command => ({
    check: ({ tokens }) => tokens > 0,
    async run(model, real) {
      const service = real.instances[at]!
      const token = pick(real.tokens, back)
      real.setOutcome(outcome)
      await compare(model, real, service, model.lifecycle.resend(token, outcome), () =>
        service.resend(token)
      )
      model.tokens = real.tokens.length
    },
    toString: () => `resend for token ${back} back at ${at}, message ${outcome}`
  }))

/** Submits the newest or an older code, or a wrong one, with the newest or an older token. */
const verifies = (wrong: boolean) =>
  fc
    .record({ at: instance, token: back, code: wrong ? fc.constant(0) : back })
    .map(({ at, token: tokenBack, code: codeBack }): Command => ({
      check: ({ tokens }) => tokens > 0,
      async run(model, real) {
        const service = real.instances[at]!
        const token = pick(real.tokens, tokenBack)
        const code = wrong ? differentCode(pick(real.codes, 0)) : pick(real.codes, codeBack)
        await compare(model, real, service, model.lifecycle.verify(token, code), () =>
          service.verify(token, code)
        )
      },
      toString: () =>
        `verify ${wrong ? 'a wrong code' : `code ${codeBack} back`} ` +
        `with token ${tokenBack} back at ${at}`
    }))

// A second before, at and after each expiry, and some other times.
const waits = ({ codeTtl, challengeTtl, resendCooldown }: ModelPolicy) => {
  const around = (seconds: number) => [seconds - 1, seconds, seconds + 1].filter(time => time > 0)
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
      async run({ lifecycle }, { instances }) {
        lifecycle.wait(seconds)
        for (const { wait } of instances) wait(seconds)
      },
      toString: () => `wait ${seconds} s`
    }))
}

const unlocks = fc.constant<Command>({
  check: always,
  async run({ lifecycle }, { instances, username }) {
    lifecycle.unlock()
    assert.ok(await instances[0]!.users.unlock({ username }))
  },
  toString: () => 'unlock'
})

/** Starts two instances of the service with the same time, and sets the outcome of all messages. */
async function twoInstances(t: Test, { codeFailures, messagesPerHour, ...policy }: ModelPolicy) {
  const options = {
    secrets: [randomBytes(32)] as const,
    limits: { codeFailures, messagesPerPhoneHour: messagesPerHour },
    policy
  }
  const first = await startApp(t, options)
  const second = await startApp(t, { ...options, database: first.database, withoutUsers: true })
  second.wait((first.clock().getTime() - second.clock().getTime()) / 1000)

  let outcome: MessageOutcome = 'accepted'
  for (const { twilio } of [first, second]) {
    const respond: Failure = exchange => {
      twilio.failNext(respond)
      outcomes[outcome](exchange)
    }
    twilio.failNext(respond)
  }
  return {
    instances: [first, second],
    setOutcome(next: MessageOutcome) {
      outcome = next
    }
  }
}

const policies: Record<string, ModelPolicy> = {
  'with default settings': {
    codeTtl: 60,
    challengeTtl: 600,
    resendCooldown: 30,
    codeAttempts: 5,
    codeFailures: 5,
    messagesPerHour: 6
  },
  'with a cooldown longer than the code lifetime': {
    codeTtl: 20,
    challengeTtl: 120,
    resendCooldown: 45,
    codeAttempts: 3,
    codeFailures: 4,
    messagesPerHour: 3
  },
  'without a cooldown or a separate code expiry': {
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
  t.test(`${name}, any order of actions gets the documented responses`, async t => {
    const service = await twoInstances(t, policy)
    const passwordDigest = await service.instances[0]!.passwords.hash('right password')
    let users = 0

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
    // Earlier wrong codes, so that a run can reach long lockouts and the end of all attempts.
    const failuresBefore = fc.constantFrom(0, 0, 0, 3, 8, 33, 94, 98)
    await fc.assert(
      fc.asyncProperty(commands, failuresBefore, async (commands, codeFailures) => {
        // Each run has its own user and number, because time only moves forward.
        const n = users++
        const username = `user-${n}`
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
            model: { lifecycle: createCodeLifecycleModel(policy, codeFailures), tokens: 0 },
            real: { ...service, username, tokens: [], codes: [] }
          }),
          commands
        )
      }),
      { numRuns: serverUrl === undefined ? 5 : 20 }
    )
  })
}
