import t, { type Test } from 'tap'
import { ada, slugOf, startApp, type StartOptions } from '../support/start-app.ts'
import { statusCallback, type AcceptedMessage } from '../support/twilio-stand-in.ts'

const publicUrl = 'https://login.example'
const grace = { username: 'grace', password: 'anchors aweigh', phone: '+12025550144' }

async function start(t: Test, options: StartOptions = {}) {
  const app = await startApp(t, { publicUrl, ...options })
  return {
    ...app,
    delivery: async () => {
      const { delivery, deliveryReason } = await app.prisma.challenge.findFirstOrThrow()
      return deliveryReason === null ? delivery : `${delivery}: ${deliveryReason}`
    },
    events: (...names: string[]) =>
      app.logged
        .map(line => JSON.parse(line))
        .filter(({ event }) => names.includes(event))
        .map(
          ({ time: _time, pid: _pid, hostname: _hostname, msg: _msg, reqId: _reqId, ...facts }) =>
            facts
        )
  }
}

const newest = (messages: readonly AcceptedMessage[]) => {
  const message = messages.at(-1)
  if (message === undefined) throw new Error('no message was sent')
  return message
}

/** Returns all orders of these items. */
const permutations = <T>(items: readonly T[]): T[][] =>
  items.length < 2
    ? [[...items]]
    : items.flatMap((item, n) =>
        permutations(items.toSpliced(n, 1)).map(others => [item, ...others])
      )

t.test('requests for callbacks', async t => {
  t.test('every message requests callbacks with its own id', async t => {
    const { accessToken, changePhone, confirm, settled, twilio, verifyPhone, wait } = await start(t)
    const token = await accessToken()
    wait(31)
    await confirm(token)
    const { challengeToken } = (await changePhone(token, '+12025550107')).json()
    await verifyPhone(token, challengeToken, twilio.lastCode())
    await settled()
    const urls = twilio.requests.map(({ StatusCallback }) => StatusCallback)
    t.equal(urls.length, 4, 'a login, a confirmation, a phone change and its notice')
    t.equal(new Set(urls).size, 4)
    for (const url of urls) t.match(url, /^https:\/\/login\.example\/twilio\/status\/[\w-]{22}$/)
  })

  t.test('the URL of a callback does not contain the id of the challenge', async t => {
    const { login, prisma, twilio } = await start(t)
    await login()
    const { id } = await prisma.challenge.findFirstOrThrow()
    t.notOk(twilio.requests[0]?.['StatusCallback']?.includes(id))
  })

  t.test('without PUBLIC_URL no message requests callbacks, and the path is unknown', async t => {
    const { app, login, prisma, twilio } = await startApp(t)
    await login()
    t.notOk('StatusCallback' in (twilio.requests[0] ?? {}))
    t.match(await prisma.challenge.findFirst(), { delivery: 'unknown' })
    const response = await app.inject({
      method: 'POST',
      url: `/twilio/status/${'x'.repeat(22)}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'MessageStatus=delivered'
    })
    t.equal(slugOf(response), 'not-found')
  })
})

t.test('states', async t => {
  t.test('the response to a callback is 204 without a body', async t => {
    const { login, report } = await start(t)
    await login()
    const { statusCode, payload } = await report('sent')
    t.same({ statusCode, payload }, { statusCode: 204, payload: '' })
  })

  t.test('the same callbacks have the same result in any order and if repeated', async t => {
    const { delivery, login, report, resend, wait } = await start(t, {
      policy: { resendCooldown: 0 }
    })
    const { challengeToken } = (await login()).json()
    for (const [statuses, expected] of [
      [['queued', 'sent'], 'sent'],
      [['sent', 'delivered'], 'delivered'],
      [['queued', 'sent', 'delivered'], 'delivered'],
      [['sent', 'undelivered'], 'failed: unreachable'],
      [['queued', 'failed'], 'failed: unreachable'],
      [['sent', 'undelivered', 'delivered'], 'delivered'],
      [['sending', 'sent', 'read'], 'delivered']
    ] as const)
      for (const order of permutations(statuses)) {
        wait(1)
        await resend(challengeToken)
        t.equal(await delivery(), 'queued')
        for (const status of [...order, ...order])
          t.equal((await report(status, { errorCode: 30003 })).statusCode, 204)
        t.equal(await delivery(), expected, order.join(', '))
      }
  })

  t.test('unknown statuses and those of incoming messages change nothing', async t => {
    const { delivery, login, report } = await start(t)
    await login()
    for (const status of ['received', 'receiving', 'partially_delivered', 'new-one', ''])
      t.equal((await report(status)).statusCode, 204, status)
    t.equal(await delivery(), 'queued')
  })

  t.test('a callback that arrives before the response to the send is not lost', async t => {
    const { delivery, login, report, twilio } = await start(t)
    twilio.failNext(({ accept, succeed }) => {
      accept()
      void report('undelivered', { errorCode: 30003 }).then(() => succeed())
    })
    t.equal((await login()).statusCode, 200)
    t.equal(await delivery(), 'failed: unreachable')
  })

  t.test('a callback of an earlier message does not affect the newest message', async t => {
    const { callBack, delivery, login, resend, twilio, wait } = await start(t)
    const { challengeToken } = (await login()).json()
    const first = newest(twilio.messages)
    wait(31)
    await resend(challengeToken)
    for (const status of ['sent', 'undelivered', 'delivered'])
      t.equal((await callBack(statusCallback(first, status))).statusCode, 204)
    t.equal(await delivery(), 'queued')
  })

  t.test('callbacks for a deleted user and for a notice change nothing', async t => {
    const { accessToken, changePhone, prisma, report, settled, twilio, verifyPhone } =
      await start(t)
    const token = await accessToken()
    const { challengeToken } = (await changePhone(token, '+12025550107')).json()
    await verifyPhone(token, challengeToken, twilio.lastCode())
    await settled()
    t.equal((await report('undelivered', { errorCode: 30006 })).statusCode, 204)
    await prisma.user.deleteMany()
    t.equal((await report('delivered')).statusCode, 204)
    t.equal(await prisma.rateLimit.count(), 0)
  })
})

t.test('after a failure', async t => {
  t.test('a new code can be requested immediately and replaces the failed one', async t => {
    const { login, report, resend, twilio, verify } = await start(t)
    const { challengeToken } = (await login()).json()
    const code = twilio.lastCode()
    t.equal(slugOf(await resend(challengeToken)), 'resend-too-soon')
    await report('undelivered', { errorCode: 30003 })
    t.equal((await resend(challengeToken)).statusCode, 200)
    t.equal(
      slugOf(await resend(challengeToken)),
      'resend-too-soon',
      'the next resend has a cooldown'
    )
    t.equal(slugOf(await verify(challengeToken, code)), 'wrong-code')
    await report('undelivered', { errorCode: 30003 })
    t.equal((await verify(challengeToken, twilio.lastCode())).statusCode, 200)
  })

  t.test('a new login sends a message immediately', async t => {
    const { login, report, twilio } = await start(t)
    await login()
    t.equal((await login()).json().sent, false)
    await report('failed', { errorCode: 30008 })
    t.equal((await login()).json().sent, true)
    t.equal(twilio.messages.length, 2)
  })

  t.test('fifty concurrent resends send one message', async t => {
    const { login, report, resend, twilio } = await start(t)
    const { challengeToken } = (await login()).json()
    await report('failed', { errorCode: 30008 })
    const responses = await Promise.all(Array.from({ length: 50 }, () => resend(challengeToken)))
    t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1)
    t.equal(twilio.messages.length, 2)
  })

  t.test('the message limits of the number still apply', async t => {
    const { login, report, resend, twilio } = await start(t, {
      limits: { messagesPerPhoneHour: 3 }
    })
    const { challengeToken } = (await login()).json()
    for (let n = 0; n < 5; n++) {
      await report('failed', { errorCode: 30008 })
      await resend(challengeToken)
    }
    t.equal(slugOf(await resend(challengeToken)), 'too-many-texts')
    t.equal(twilio.messages.length, 3)
  })
})

t.test('numbers that cannot receive messages', async t => {
  for (const [state, errorCode, reason] of [
    ['unassigned', 30005, 'unreachable'],
    ['a landline', 30006, 'not-mobile'],
    ['opted out', 21610, 'blocked'],
    ['blocked by its carrier', 30004, 'blocked']
  ] as const)
    t.test(`a number that is ${state} gets no further message`, async t => {
      const { addUser, confirm, delivery, login, report, resend, twilio, verify } = await start(t)
      await addUser({ ...ada, username: 'shares-the-number' })
      const { challengeToken } = (await login()).json()
      const code = twilio.lastCode()
      await report('undelivered', { errorCode })
      t.equal(await delivery(), `failed: ${reason}`)
      t.equal(slugOf(await resend(challengeToken)), 'sms-undeliverable')
      t.equal(slugOf(await login()), 'sms-undeliverable')
      t.equal(slugOf(await login({ ...ada, username: 'shares-the-number' })), 'sms-undeliverable')
      const { accessToken } = (await verify(challengeToken, code)).json()
      t.ok(accessToken, 'a code that arrived anyway is correct')
      t.equal(slugOf(await confirm(accessToken)), 'sms-undeliverable')
      t.equal(twilio.messages.length, 1)
    })

  for (const errorCode of [30001, 30003, 30007, 30008, 30034, 30450, 99999])
    t.test(`error ${errorCode} does not mark the number as undeliverable`, async t => {
      const { login, report, resend } = await start(t)
      const { challengeToken } = (await login()).json()
      await report('undelivered', { errorCode })
      t.equal((await resend(challengeToken)).statusCode, 200)
    })

  t.test('a delivered message clears the number', async t => {
    const { delivery, login, prisma, report, resend } = await start(t)
    const { challengeToken } = (await login()).json()
    await report('undelivered', { errorCode: 30006 })
    t.equal(await prisma.rateLimit.count(), 1)
    await report('delivered')
    t.equal(await delivery(), 'delivered')
    t.equal(await prisma.rateLimit.count(), 0)
    t.equal(slugOf(await resend(challengeToken)), 'resend-too-soon')
  })

  t.test('a failed phone change marks the new number, not the current one', async t => {
    const { accessToken, changePhone, login, report, wait } = await start(t)
    const token = await accessToken()
    await changePhone(token, '+12025550107')
    await report('undelivered', { errorCode: 30006 })
    t.equal(slugOf(await changePhone(token, '+12025550107')), 'sms-undeliverable')
    wait(31)
    t.equal((await login()).statusCode, 200)
  })
})

t.test('reasons and events', async t => {
  t.test('each error code has a reason, and some are logged for the operator', async t => {
    const { delivery, events, login, logged, report, users } = await start(t, {
      policy: { resendCooldown: 0 }
    })
    const user = await users.find({ username: ada.username })
    for (const [errorCode, reason, fault] of [
      [30003, 'unreachable'],
      [30005, 'unreachable'],
      [30006, 'not-mobile'],
      [21610, 'blocked'],
      [30004, 'blocked'],
      [30007, 'filtered', 'filtered'],
      [30032, 'filtered', 'filtered'],
      [30034, 'filtered', 'filtered'],
      [30018, 'unknown', 'filtered'],
      [30450, 'filtered', 'fraud'],
      [30454, 'unknown', 'fraud'],
      [30036, 'expired', 'queue'],
      [30001, 'unknown', 'queue'],
      [30002, 'unknown', 'account'],
      [30008, 'unknown'],
      [30410, 'unknown'],
      [12345, 'unknown']
    ] as const) {
      await login()
      logged.length = 0
      for (let n = 0; n < 2; n++) await report('undelivered', { errorCode })
      t.equal(await delivery(), `failed: ${reason}`, String(errorCode))
      const facts = { ip: '127.0.0.1', userId: user?.id, country: 'US', providerCode: errorCode }
      t.same(
        events('code.undelivered', 'sms.service_refused'),
        [
          { level: 30, event: 'code.undelivered', ...facts, reason },
          ...(fault === undefined
            ? []
            : [{ level: 40, event: 'sms.service_refused', ...facts, fault }])
        ],
        'each event is logged once'
      )
      await report('delivered')
      t.equal(events('code.delivered').length, 1)
    }
  })

  t.test('a failure without a numeric error code has an unknown reason', async t => {
    const { delivery, login, report } = await start(t)
    for (const fields of [{}, { ErrorCode: '' }, { ErrorCode: '-1' }, { ErrorCode: '3e4' }]) {
      await login()
      await report('failed', { fields })
      t.equal(await delivery(), 'failed: unknown')
    }
  })

  t.test('failed messages count immediately as messages whose code was not entered', async t => {
    const { addUser, clock, countryTraffic, login, report } = await start(t, {
      policy: { conversion: { floor: 25, volume: 20, pause: 900 }, resendCooldown: 0 }
    })
    await addUser(grace)
    for (let n = 0; n < 20; n++) {
      t.equal((await login()).statusCode, 200)
      await report('undelivered', { errorCode: 30450 })
    }
    await countryTraffic.flush(clock())
    t.equal(slugOf(await login(grace)), 'too-many-texts')
  })
})

t.test('behind a proxy', async t => {
  t.test('a host and a protocol that the proxy changed do not affect the signature', async t => {
    const { app, delivery, login, twilio } = await start(t)
    await login()
    const { url, headers, payload } = statusCallback(newest(twilio.messages), 'delivered')
    const response = await app.inject({
      method: 'POST',
      url: new URL(url).pathname,
      headers: { ...headers, host: '10.0.0.7:3000', 'x-forwarded-proto': 'http' },
      payload
    })
    t.equal(response.statusCode, 204)
    t.equal(await delivery(), 'delivered')
  })

  t.test('PUBLIC_URL may have a path that the proxy removes', async t => {
    const { app, delivery, login, twilio } = await start(t, { publicUrl: `${publicUrl}/auth` })
    await login()
    const { url, headers, payload } = statusCallback(newest(twilio.messages), 'delivered')
    t.match(url, /^https:\/\/login\.example\/auth\/twilio\/status\//)
    const path = new URL(url).pathname.replace('/auth', '')
    t.equal((await app.inject({ method: 'POST', url: path, headers, payload })).statusCode, 204)
    t.equal(await delivery(), 'delivered')
  })

  t.test('during the rotation of the auth token, each configured token is accepted', async t => {
    const { twilio, callBack, delivery, login } = await start(t, {
      authTokens: ['feedc0de'.repeat(4), 'the next token', 'the token after that'],
      policy: { resendCooldown: 0 }
    })
    for (const [authToken, statusCode] of [
      ['feedc0de'.repeat(4), 204],
      ['the next token', 204],
      ['the token after that', 204],
      ['an old token', 403]
    ] as const) {
      await login()
      const callback = statusCallback(newest(twilio.messages), 'sent', { authToken })
      t.equal((await callBack(callback)).statusCode, statusCode)
      t.equal(await delivery(), statusCode === 204 ? 'sent' : 'queued')
    }
  })
})
