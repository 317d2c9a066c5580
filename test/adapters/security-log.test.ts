import t from 'tap'
import { ada, defaultLimits, differentCode, startApp } from '../support/start-app.ts'
import { reject } from '../support/twilio-stand-in.ts'

type Service = Awaited<ReturnType<typeof startApp>>

/** The events since the last call, without the fields that every log line has. */
function eventsOf({ logged }: Service) {
  const lines = logged.splice(0).map(line => JSON.parse(line))
  return lines.flatMap(({ event, time, pid: _pid, hostname: _hostname, msg: _msg, ...facts }) => {
    if (event === undefined || event.startsWith('sms.')) return []
    t.type(time, 'number')
    return [{ event, ...facts }]
  })
}

t.test('every step of a login logs an event with user, address and request', async t => {
  const service = await startApp(t, {
    limits: { passwordFailures: 2, codeFailures: 2, messagesPerHour: 3 }
  })
  const { login, verify, wait, twilio, prisma } = service
  const [{ id: userId } = { id: '' }] = await prisma.user.findMany()
  const ip = '198.51.100.7'
  const common = { ip, reqId: String, level: 30 }
  const warned = { ...common, level: 40 }
  const code = () => /\d{6}/.exec(twilio.messages.at(-1)?.body ?? '')?.[0] ?? ''

  await login({ ...ada, password: 'not the password' }, ip)
  t.match(eventsOf(service), [
    { event: 'password.rejected', userId, reason: 'wrong-password', ...common }
  ])
  await login({ username: 'hunter2, typed into the wrong field', password: 'x' }, ip)
  t.match(eventsOf(service), [
    { event: 'password.rejected', userId: null, reason: 'unknown-user', ...common }
  ])

  const first = (await login(ada, ip)).json()
  t.match(eventsOf(service), [
    { event: 'password.accepted', userId, ...common },
    { event: 'code.sent', userId, country: 'US', ...common }
  ])
  await verify(first.challengeToken, differentCode(code()), ip)
  t.match(eventsOf(service), [{ event: 'code.rejected', userId, ...common }])
  await verify(first.challengeToken, code(), ip)
  const [accepted, issued, ...more] = eventsOf(service)
  t.match(accepted, { event: 'code.accepted', userId, country: 'US', ...common })
  t.match(issued, {
    event: 'token.issued',
    userId,
    sessionId: /^[\w-]{22}$/,
    tokenId: /^[\w-]{22}$/,
    ...common,
    reqId: accepted?.reqId
  })
  t.same(more, [])

  wait(31)
  twilio.failNext(reject(429, 20429))
  await login(ada, ip)
  t.match(eventsOf(service), [
    { event: 'password.accepted' },
    { event: 'code.send_failed', userId, country: 'US', reason: 'rejected', ...common },
    { event: 'request.refused', userId, problem: 'sms-unavailable', ...common }
  ])
  const second = (await login(ada, ip)).json()
  eventsOf(service)
  for (let i = 0; i < 2; i++) await verify(second.challengeToken, differentCode(code()), ip)
  t.match(eventsOf(service), [
    { event: 'code.rejected' },
    { event: 'code.rejected' },
    { event: 'account.locked', userId, lockout: 'login', failures: 2, seconds: 900, ...warned }
  ])

  wait(900)
  await login(ada, ip)
  t.match(eventsOf(service), [
    {
      event: 'rate_limit.exceeded',
      limit: 'sms.hour',
      variable: 'LIMIT_TEXTS_PER_HOUR',
      ...warned
    }
  ])
})

t.test('reaching a limit on wrong passwords logs an event that names it', async t => {
  const service = await startApp(t, { limits: { passwordFailures: 2 } })
  for (let i = 0; i < 3; i++) await service.login({ ...ada, password: 'not the password' })
  t.match(eventsOf(service).at(-1), {
    event: 'rate_limit.exceeded',
    limit: 'password.here',
    level: 40
  })
})

t.test('every step of a session logs an event', async t => {
  const service = await startApp(t)
  const { endSession, logIn, logout, refresh, wait } = service
  const ip = '198.51.100.7'
  const { refreshToken } = await logIn()
  const { userId, sessionId, tokenId: first } = eventsOf(service).at(-1) ?? {}
  const common = { userId, sessionId, ip, reqId: String, level: 30 }

  const next = (await refresh(refreshToken, ip)).json()
  const [issued, ...more] = eventsOf(service)
  t.match(issued, { event: 'token.issued', tokenId: /^[\w-]{22}$/, ...common })
  t.not(issued?.tokenId, first)
  t.same(more, [])
  const rejected = { event: 'refresh_token.rejected', ip, reqId: String, level: 30 }
  await refresh('nonsense', ip)
  t.match(eventsOf(service), [{ ...rejected, reason: 'malformed' }])
  wait(60)
  await refresh(refreshToken, ip)
  t.match(eventsOf(service), [
    { event: 'refresh_token.reused', ...common, level: 40 },
    { ...rejected, reason: 'reused', userId }
  ])
  await refresh(next.refreshToken, ip)
  t.match(eventsOf(service), [{ ...rejected, reason: 'ended' }], 'the session has already ended')

  const [one, , third] = [await logIn(), await logIn(), await logIn()]
  const [{ sessionId: id }, { sessionId: otherId }] = eventsOf(service).filter(
    ({ event }) => event === 'token.issued'
  ) as [{ sessionId: string }, { sessionId: string }]
  await logout(one.refreshToken)
  t.match(eventsOf(service), [
    { event: 'session.ended', userId, sessionId: id, ip: '127.0.0.1', reqId: String, level: 30 }
  ])
  await logout(one.refreshToken)
  t.same(eventsOf(service), [])
  await endSession(third.accessToken, otherId)
  t.match(eventsOf(service), [{ event: 'session.ended', userId, sessionId: otherId }])
  await logIn()
  await logIn()
  eventsOf(service)
  await endSession(third.accessToken)
  t.match(eventsOf(service), [
    { event: 'session.ended', userId },
    { event: 'session.ended', userId }
  ])
})

t.test('every step of a confirmation logs an event without the confirmed data', async t => {
  const service = await startApp(t)
  const { confirm, logIn, twilio, verifyConfirmation } = service
  const { accessToken } = await logIn()
  const { userId, sessionId } = eventsOf(service).at(-1) ?? {}
  const common = { userId, ip: '127.0.0.1', reqId: String, level: 30 }
  const { confirmationToken } = (await confirm(accessToken)).json()
  t.match(eventsOf(service), [
    { event: 'code.sent', ...common, country: 'US' },
    { event: 'confirmation.requested', ...common, sessionId, action: 'transfer' }
  ])
  const code = twilio.lastCode()
  await verifyConfirmation(accessToken, confirmationToken, differentCode(code))
  t.match(eventsOf(service), [{ event: 'code.rejected', ...common }])
  await verifyConfirmation(accessToken, confirmationToken, code)
  t.match(eventsOf(service), [
    { event: 'code.accepted', ...common },
    { event: 'confirmation.accepted', ...common, sessionId, action: 'transfer' },
    { event: 'receipt.issued', ...common, receiptId: /^[\w-]{22}$/ }
  ])
  t.notMatch(service.logged.join(''), 'Grace Hopper')
})

t.test('nothing a client sends becomes a line of the log or part of an event', async t => {
  const service = await startApp(t, { limits: defaultLimits })
  const username = 'x\n{"level":30,"event":"token.issued"}'
  await service.login({ username, password: 'y\r\nz' })
  for (const line of service.logged) {
    t.equal(line.trimEnd().split('\n').length, 1)
    t.notMatch(line, 'token.issued')
  }
})
