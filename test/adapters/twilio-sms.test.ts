import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import t from 'tap'
import type { Test } from 'tap'
import { createTwilioSms } from '../../src/adapters/sms/twilio-sms.ts'
import type { TwilioSettings } from '../../src/adapters/sms/twilio-sms.ts'
import { randomId } from '../../src/domain/random-id.ts'
import {
  respondLate,
  respondWithoutMessage,
  createTwilioStandIn,
  acceptThenFail,
  acceptThenReset,
  respondMalformed,
  hang,
  redirect,
  reject,
  reset,
  startTwilioStandIn,
  respondFailed,
  trickle,
  twilioAccount
} from '../support/twilio-stand-in.ts'
import type { Failure } from '../support/twilio-stand-in.ts'

const message = {
  id: randomId(),
  to: '+15551234506',
  body: '907214 is your code — don’t share it',
  validFor: 300,
  context: null,
  userId: 'ada'
}

const secrets = [
  twilioAccount.authToken,
  btoa(`${twilioAccount.accountSid}:${twilioAccount.authToken}`),
  '907214',
  'share it',
  '5551234506'
]

type Line = { level: string; fields: Record<string, unknown>; message: string }

async function start(t: Test, overrides: Partial<TwilioSettings> = {}) {
  const standIn = await startTwilioStandIn(t)
  const lines: Line[] = []
  const record = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message })
  }
  const settings = {
    accountSid: twilioAccount.accountSid,
    authTokens: [twilioAccount.authToken] as const,
    sender: { from: '+15005550006' },
    baseUrl: standIn.baseUrl,
    feedback: false,
    timeoutMs: 5_000
  }
  const sms = createTwilioSms(
    { ...settings, ...overrides },
    { warn: record('warn'), error: record('error') }
  )
  return { standIn, sms, lines, send: () => sms.send(message) }
}

t.test('requests', async t => {
  t.test('a message is one request with exactly the documented parameters', async t => {
    const { standIn, sms, lines } = await start(t)
    await sms.send(message)
    t.strictSame(standIn.requests, [
      { To: message.to, Body: message.body, From: '+15005550006', ValidityPeriod: '300' }
    ])
    t.strictSame(
      standIn.messages.map(({ to, body, validityPeriod }) => ({ to, body, validityPeriod })),
      [{ to: message.to, body: message.body, validityPeriod: 300 }]
    )
    t.equal(standIn.lastCode(), '907214')
    t.equal(standIn.counts.requests, 1)
    t.strictSame(lines, [])
  })

  t.test('a messaging service replaces the sender number', async t => {
    const messagingServiceSid = `MG${'0'.repeat(32)}`
    const { standIn, sms } = await start(t, { sender: { messagingServiceSid } })
    await sms.send(message)
    t.strictSame(standIn.requests, [
      {
        To: message.to,
        Body: message.body,
        MessagingServiceSid: messagingServiceSid,
        ValidityPeriod: '300'
      }
    ])
  })

  t.test('with TWILIO_FEEDBACK, a message announces feedback', async t => {
    const { standIn, sms } = await start(t, { feedback: true })
    await sms.send(message)
    t.match(standIn.requests, [{ ProvideFeedback: 'true' }])
  })

  t.test('with PUBLIC_URL, a message requests status callbacks', async t => {
    const { standIn, sms } = await start(t, { publicUrl: 'https://login.example' })
    await sms.send(message)
    t.strictSame(standIn.requests, [
      {
        To: message.to,
        Body: message.body,
        From: '+15005550006',
        ValidityPeriod: '300',
        StatusCallback: `https://login.example/twilio/status/${message.id}`
      }
    ])
  })

  t.test('Twilio holds a message no longer than its code is valid or Twilio allows', async t => {
    const { standIn, sms } = await start(t)
    await sms.send({ ...message, validFor: 299.9 })
    await sms.send({ ...message, validFor: 86_400 })
    t.strictSame(
      standIn.messages.map(({ validityPeriod }) => validityPeriod),
      [299, 36_000]
    )
  })

  t.test('no environment variable of Twilio or a proxy diverts a message', async t => {
    const proxy = await listen(t)
    const target = await listen(t)
    const environment = {
      HTTP_PROXY: proxy.url,
      HTTPS_PROXY: proxy.url,
      TWILIO_EDGE: 'dublin',
      TWILIO_REGION: 'ie1'
    }
    Object.assign(process.env, environment)
    t.teardown(() => {
      for (const name of Object.keys(environment)) delete process.env[name]
    })

    // A host name, because inserting an edge into an IP address would make the host invalid.
    const { send } = await start(t, {
      baseUrl: target.url.replace('http://127.0.0.1', 'https://localhost')
    })
    await send() // fails because the target has no TLS
    t.equal(target.connections(), 1)
    t.equal(proxy.connections(), 0)
  })
})

t.test('failures', async t => {
  const credentials = { outcome: 'rejected', level: 'error', reason: 'credentials' }
  const throttled = { outcome: 'rejected', level: 'error', reason: 'throttled' }
  const outage = { outcome: 'unknown', level: 'error', reason: 'outage' }
  const rejected = { outcome: 'rejected', level: 'error', reason: 'rejected' }
  const failed = { outcome: 'rejected', level: 'error', reason: 'failed' }
  const unreadable = { outcome: 'unknown', level: 'error', reason: 'unreadable' }
  const timeout = { outcome: 'unknown', level: 'error', reason: 'timeout' }
  const unreachable = { outcome: 'unknown', level: 'error', reason: 'unreachable' }
  const blocked = { outcome: 'blocked', level: 'warn' }
  const notMobile = { outcome: 'not-mobile', level: 'warn' }
  const unroutable = { outcome: 'unroutable', level: 'warn' }

  type Case = {
    when: string
    failure: Failure
    outcome: string
    level: string
    reason: string
    status?: number
    code?: number
    /** How often the message was accepted despite the failure. */
    delivered?: number
    timeoutMs?: number
  }

  const failures: Case[] = [
    {
      when: 'Twilio calls the number invalid',
      failure: reject(400, 21211),
      status: 400,
      code: 21211,
      ...notMobile,
      reason: 'invalid'
    },
    {
      when: 'the number is a short code',
      failure: reject(400, 21265),
      status: 400,
      code: 21265,
      ...notMobile,
      reason: 'shortcode'
    },
    {
      when: 'the number is our own sender',
      failure: reject(400, 21266),
      status: 400,
      code: 21266,
      ...unroutable,
      reason: 'sender'
    },
    {
      when: 'the number is premium rate',
      failure: reject(400, 21268),
      status: 400,
      code: 21268,
      ...notMobile,
      reason: 'premium'
    },
    {
      when: 'the number is in a region not permitted',
      failure: reject(403, 21408),
      status: 403,
      code: 21408,
      ...unroutable,
      reason: 'region'
    },
    {
      when: 'a trial account has not verified the number',
      failure: reject(400, 21608),
      status: 400,
      code: 21608,
      ...unroutable,
      reason: 'unverified'
    },
    {
      when: 'the recipient once answered STOP',
      failure: reject(400, 21610),
      status: 400,
      code: 21610,
      ...blocked,
      reason: 'unsubscribed'
    },
    {
      when: 'no route leads to the number',
      failure: reject(400, 21612),
      status: 400,
      code: 21612,
      ...unroutable,
      reason: 'unroutable'
    },
    {
      when: 'the number is not a mobile number',
      failure: reject(400, 21614),
      status: 400,
      code: 21614,
      ...notMobile,
      reason: 'incapable'
    },
    {
      when: 'the number is a landline',
      failure: reject(400, 21635),
      status: 400,
      code: 21635,
      ...notMobile,
      reason: 'landline'
    },
    {
      when: 'the message fails at once because of its number',
      failure: respondFailed(21610),
      code: 21610,
      ...blocked,
      reason: 'unsubscribed'
    },
    {
      when: 'the message fails at once for another reason',
      failure: respondFailed(30001),
      code: 30001,
      ...failed
    },
    {
      when: 'the credentials are wrong',
      failure: reject(401, 20003),
      status: 401,
      code: 20003,
      ...credentials
    },
    {
      when: 'the account may not send',
      failure: reject(403, 20003),
      status: 403,
      code: 20003,
      ...credentials
    },
    {
      when: 'there are too many requests',
      failure: reject(429, 20429),
      status: 429,
      code: 20429,
      ...throttled
    },
    {
      when: 'the sender is not one of our numbers',
      failure: reject(400, 21659),
      status: 400,
      code: 21659,
      ...rejected
    },
    {
      when: 'Twilio has an unknown error code',
      failure: reject(400, 29999),
      status: 400,
      code: 29999,
      ...rejected
    },
    { when: 'Twilio is down', failure: reject(503, 20503), status: 503, code: 20503, ...outage },
    {
      when: 'Twilio delivers but responds with 500',
      failure: acceptThenFail(500),
      status: 500,
      delivered: 1,
      ...outage
    },
    {
      when: 'Twilio delivers but closes the connection',
      failure: acceptThenReset(),
      delivered: 1,
      ...unreachable
    },
    { when: 'Twilio closes the connection', failure: reset(), ...unreachable },
    { when: 'Twilio never responds', failure: hang(), timeoutMs: 200, ...timeout },
    { when: 'Twilio responds byte by byte', failure: trickle(), timeoutMs: 200, ...timeout },
    {
      when: 'Twilio responds too late',
      failure: respondLate(30_000),
      timeoutMs: 200,
      delivered: 1,
      ...timeout
    },
    {
      when: 'Twilio redirects',
      failure: redirect(),
      status: 307,
      reason: 'redirect',
      outcome: 'rejected',
      level: 'error'
    },
    { when: 'a success is not JSON', failure: respondMalformed(), ...unreadable },
    {
      when: 'a success is JSON without a message',
      failure: respondWithoutMessage(),
      ...unreadable
    },
    { when: 'a success is JSON null', failure: respondWithoutMessage('null'), ...unreadable }
  ]

  for (const {
    when,
    failure,
    outcome,
    level,
    reason,
    status,
    code,
    timeoutMs = 5_000,
    delivered = 0
  } of failures) {
    t.test(
      `when ${when}, the message is ${outcome} after one request, with one ${level} line`,
      async t => {
        const { standIn, lines, send } = await start(t, { timeoutMs })
        standIn.failNext(failure)
        t.equal(await send(), outcome)
        t.equal(
          standIn.counts.requests,
          1,
          'the request is not repeated, because the first message may have been delivered'
        )
        t.equal(standIn.messages.length, delivered)

        t.equal(lines.length, 1)
        const { durationMs, ...fields } = lines[0]?.fields ?? {}
        t.equal(lines[0]?.level, level)
        t.ok(Number.isInteger(durationMs))
        t.strictSame(fields, {
          event: 'sms.failed',
          provider: 'twilio',
          userId: 'ada',
          country: 'none',
          reason,
          status,
          twilioCode: code
        })

        for (const secret of secrets)
          t.notMatch(inspect(lines, { depth: Infinity, showHidden: true }), secret)
      }
    )
  }

  t.test('the log line about wrong credentials names the variables to check', async t => {
    const { standIn, lines, send } = await start(t)
    standIn.failNext(reject(401, 20003))
    await send()
    t.match(lines[0]?.message, /TWILIO_ACCOUNT_SID.*TWILIO_AUTH_TOKEN/)
  })

  t.test('an error code that is not a number stays out of the log', async t => {
    const { standIn, lines, send } = await start(t)
    standIn.failNext(({ reply }) => {
      reply
        .writeHead(400, { 'content-type': 'application/json' })
        .end(JSON.stringify({ code: message.body }))
    })
    await send()
    t.equal(lines[0]?.fields.twilioCode, undefined)
    t.notMatch(inspect(lines, { depth: Infinity }), '907214')
  })

  t.test('a refused connection leaves the fate of the message unknown', async t => {
    const closed = await createTwilioStandIn()
    await closed.close()
    const { lines, send } = await start(t, { baseUrl: closed.baseUrl })
    t.equal(await send(), 'unknown')
    t.match(lines, [{ level: 'error', fields: { reason: 'unreachable' } }])
  })

  t.test('a failure does not affect the next message', async t => {
    const { standIn, sms, send } = await start(t, { timeoutMs: 200 })
    standIn.failNext(hang(), reset(), trickle())
    for (let i = 0; i < 3; i++) t.equal(await send(), 'unknown')
    await sms.send(message)
    t.equal(standIn.messages.length, 1)
  })

  t.test('a response that never ends is read only up to a limit', async t => {
    const bytesWritten: number[] = []
    const endless = createServer(socket => {
      socket.on('error', () => {}) // The client resets the connection.
      socket.on('close', () => bytesWritten.push(socket.bytesWritten))
      socket.once('data', () => {
        socket.write('HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n')
        const writeMore = () => {
          while (socket.write(`10000\r\n${' '.repeat(0x10000)}\r\n`));
        }
        socket.on('drain', writeMore)
        writeMore()
      })
    })
    await new Promise<void>(resolve => endless.listen(0, '127.0.0.1', resolve))
    t.teardown(() => endless.close())
    const { send } = await start(t, {
      baseUrl: `http://127.0.0.1:${(endless.address() as AddressInfo).port}`
    })
    t.equal(await send(), 'unknown')
    while (bytesWritten.length === 0) await new Promise(resolve => setTimeout(resolve, 10))
    // Includes a few megabytes in transit when the connection is closed.
    t.ok((bytesWritten[0] ?? 0) < 32e6, `${bytesWritten[0]} bytes`)
  })
})

t.test('connections', async t => {
  t.test('consecutive messages reuse open connections', async t => {
    const { standIn, sms } = await start(t)
    for (let i = 0; i < 9; i++) await sms.send(message)
    t.equal(standIn.messages.length, 9)
    // A second one is opened if the first has not quite finished its last response.
    t.ok(standIn.counts.connections <= 2, `${standIn.counts.connections} connections`)
  })

  t.test('eighty concurrent messages use at most fifty connections', async t => {
    const { standIn, sms } = await start(t)
    const numbers = Array.from({ length: 80 }, (_, i) => `+155512345${10 + i}`)
    await Promise.all(numbers.map(to => sms.send({ ...message, to })))
    t.strictSame(standIn.messages.map(({ to }) => to).sort(), numbers)
    t.ok(standIn.counts.connections <= 50, `${standIn.counts.connections} connections`)
  })

  t.test('messages waiting for a connection time out with those that hold one', async t => {
    const { standIn, send } = await start(t, { timeoutMs: 300 })
    // All hang. On a busy machine the last ones may get connections that the first ones released.
    standIn.failNext(...Array.from({ length: 60 }, hang))
    const outcomes = await Promise.all(Array.from({ length: 60 }, send))
    t.equal(outcomes.length, 60)
    for (const outcome of outcomes) t.equal(outcome, 'unknown')
    t.equal(standIn.messages.length, 0)
  })
})

t.test('stand-in', async t => {
  t.test('the stand-in rejects what Twilio would reject', async t => {
    const standIn = await createTwilioStandIn()
    t.teardown(standIn.close)
    const { accountSid, authToken } = twilioAccount
    const valid = {
      To: message.to,
      Body: message.body,
      From: '+15005550006',
      ValidityPeriod: '300'
    }
    const authorization = `Basic ${btoa(`${accountSid}:${authToken}`)}`
    const url = `${standIn.baseUrl}/2010-04-01/Accounts/${accountSid}/Messages.json`
    const post = async (body: URLSearchParams | string, headers = {}, to = url) =>
      (await fetch(to, { method: 'POST', body, headers: { authorization, ...headers } })).status
    const form = (overrides: object) => new URLSearchParams({ ...valid, ...overrides })
    const without = (name: string) => {
      const some = form({})
      some.delete(name)
      return some
    }

    t.equal(await post(form({}), { 'content-type': 'application/x-www-form-urlencoded' }), 201)
    t.strictSame(standIn.violations, [])

    const asForm = { 'content-type': 'application/x-www-form-urlencoded' }
    t.equal(await post(form({}), asForm, `${standIn.baseUrl}/elsewhere`), 404)
    t.equal(await post(form({}), { ...asForm, authorization: 'Basic bm8=' }), 401)
    t.equal(await post(JSON.stringify(valid), { 'content-type': 'application/json' }), 400)
    for (const body of [
      form({ To: '15551234506' }),
      form({ Body: ' ' }),
      form({ Body: 'x'.repeat(1601) }),
      form({ MessagingServiceSid: 'MG0' }),
      without('From'),
      form({ ValidityPeriod: '0' }),
      form({ ValidityPeriod: '36001' }),
      form({ ValidityPeriod: '1.5' }),
      without('ValidityPeriod'),
      form({ RiskCheck: 'disable' }),
      new URLSearchParams(`${form({})}&To=${encodeURIComponent(message.to)}`)
    ])
      t.equal(await post(body, asForm), 400, body.toString().slice(0, 200))
    t.equal(standIn.violations.length, 14)
    t.equal(standIn.messages.length, 1)
  })
})

/** A port that counts connections and closes them. */
async function listen(t: Test) {
  let connections = 0
  const server = createServer(socket => {
    connections++
    socket.destroy()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections
  }
}
