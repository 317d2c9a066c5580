import t from 'tap'
import { ada, defaultLimits, otherThan, start } from '../support/start.ts'
import { reject } from '../support/twilio-stand-in.ts'

type Service = Awaited<ReturnType<typeof start>>

/** The events since the last call, without what every line of a log has. */
function eventsOf ({ logged }: Service) {
  const lines = logged.splice(0).map(line => JSON.parse(line))
  return lines.flatMap(({ event, time, pid: _pid, hostname: _hostname, msg: _msg, ...facts }) => {
    if (event === undefined || event.startsWith('sms.')) return []
    t.type(time, 'number')
    return [{ event, ...facts }]
  })
}

t.test('each step of a login leaves its evidence: what, who, from where, in which request', async t => {
  const service = await start(t, { limits: { passwordFailures: 2, codeFailures: 2, textsPerHour: 2 } })
  const { login, verify, wait, twilio, prisma } = service
  const [{ id: userId } = { id: '' }] = await prisma.user.findMany()
  const from = '198.51.100.7'
  const asked = { ip: from, reqId: String, level: 30 }
  const warned = { ...asked, level: 40 }
  const code = () => /\d{6}/.exec(twilio.texts.at(-1)?.body ?? '')?.[0] ?? ''

  await login({ ...ada, password: 'not the password' }, from)
  t.match(eventsOf(service), [{ event: 'password.wrong', userId, ...asked }])
  await login({ username: 'hunter2, typed into the wrong field', password: 'x' }, from)
  t.match(eventsOf(service), [{ event: 'password.wrong', userId: null, ...asked }])

  const first = (await login(ada, from)).json()
  t.match(eventsOf(service), [{ event: 'password.right', userId, ...asked }, { event: 'code.sent', userId, country: 'US', ...asked }])
  await verify(first.challengeToken, otherThan(code()), from)
  t.match(eventsOf(service), [{ event: 'code.wrong', userId, ...asked }])
  await verify(first.challengeToken, code(), from)
  const [right, issued, ...more] = eventsOf(service)
  t.match(right, { event: 'code.right', userId, country: 'US', ...asked })
  t.match(issued, { event: 'token.issued', userId, sessionId: /^[\w-]{22}$/, tokenId: /^[\w-]{22}$/, ...asked, reqId: right?.reqId })
  t.same(more, [])

  wait(31)
  twilio.next(reject(429, 20429))
  await login(ada, from)
  t.match(eventsOf(service), [{ event: 'password.right' }, { event: 'code.not-sent', userId, country: 'US', reason: 'rejected', ...asked }])
  const second = (await login(ada, from)).json()
  eventsOf(service)
  for (let i = 0; i < 2; i++) await verify(second.challengeToken, otherThan(code()), from)
  t.match(eventsOf(service), [{ event: 'code.wrong' }, { event: 'code.wrong' }, { event: 'codes.locked', userId, failures: 2, ...warned }])

  wait(900)
  await login(ada, from)
  t.match(eventsOf(service), [{ event: 'password.right' }, { event: 'limit.reached', budget: 'texts.hour', ...warned }])
  for (let i = 0; i < 3; i++) await login({ ...ada, password: 'not the password' }, from)
  t.match(eventsOf(service).at(-1), { event: 'limit.reached', budget: 'password.here', ...warned })
})

t.test('each step of a session leaves its evidence too', async t => {
  const service = await start(t)
  const { endSession, logIn, logout, refresh, wait } = service
  const from = '198.51.100.7'
  const { refreshToken } = await logIn()
  const { userId, sessionId, tokenId: first } = eventsOf(service).at(-1) ?? {}
  const asked = { userId, sessionId, ip: from, reqId: String, level: 30 }

  const next = (await refresh(refreshToken, from)).json()
  const [issued, ...more] = eventsOf(service)
  t.match(issued, { event: 'token.issued', tokenId: /^[\w-]{22}$/, ...asked })
  t.not(issued?.tokenId, first)
  t.same(more, [])
  await refresh('nonsense', from)
  t.same(eventsOf(service), [])
  wait(60)
  await refresh(refreshToken, from)
  t.match(eventsOf(service), [{ event: 'session.reused', ...asked, level: 40 }])
  await refresh(next.refreshToken, from)
  t.same(eventsOf(service), [], 'it is over already')

  const [one, , third] = [await logIn(), await logIn(), await logIn()]
  const [{ sessionId: id }, { sessionId: otherId }] = eventsOf(service).filter(({ event }) => event === 'token.issued') as [{ sessionId: string }, { sessionId: string }]
  await logout(one.refreshToken)
  t.match(eventsOf(service), [{ event: 'session.ended', userId, sessionId: id, ip: '127.0.0.1', reqId: String, level: 30 }])
  await logout(one.refreshToken)
  t.same(eventsOf(service), [])
  await endSession(third.accessToken, otherId)
  t.match(eventsOf(service), [{ event: 'session.ended', userId, sessionId: otherId }])
  await logIn()
  await logIn()
  eventsOf(service)
  await endSession(third.accessToken)
  t.match(eventsOf(service), [{ event: 'session.ended', userId }, { event: 'session.ended', userId }])
})

t.test('each step of a confirmation leaves its evidence too, and none of what is confirmed', async t => {
  const service = await start(t)
  const { confirm, logIn, twilio, verifyConfirmation } = service
  const { accessToken } = await logIn()
  const { userId, sessionId } = eventsOf(service).at(-1) ?? {}
  const asked = { userId, ip: '127.0.0.1', reqId: String, level: 30 }
  const { confirmationToken } = (await confirm(accessToken)).json()
  t.match(eventsOf(service), [{ event: 'code.sent', ...asked, country: 'US' }, { event: 'action.asked', ...asked, sessionId, action: 'transfer' }])
  const code = twilio.lastCode()
  await verifyConfirmation(accessToken, confirmationToken, otherThan(code))
  t.match(eventsOf(service), [{ event: 'code.wrong', ...asked }])
  await verifyConfirmation(accessToken, confirmationToken, code)
  t.match(eventsOf(service), [{ event: 'code.right', ...asked }, { event: 'action.confirmed', ...asked, sessionId, action: 'transfer' }, { event: 'receipt.issued', ...asked, receiptId: /^[\w-]{22}$/ }])
  t.notMatch(service.logged.join(''), 'Grace Hopper')
})

t.test('nothing a caller sends becomes a line of the log, or part of an event', async t => {
  const service = await start(t, { limits: defaultLimits })
  const username = 'x\n{"level":30,"event":"token.issued"}'
  await service.login({ username, password: 'y\r\nz' })
  for (const line of service.logged) {
    t.equal(line.trimEnd().split('\n').length, 1)
    t.notMatch(line, 'token.issued')
  }
})
