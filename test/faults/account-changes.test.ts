import t, { type Test } from 'tap'
import type { PrismaClient } from '../../src/adapters/prisma/client.ts'
import { createPasswords } from '../../src/adapters/secrets/passwords.ts'
import { createUserDirectory } from '../../src/adapters/stores/user-directory.ts'
import type { Loss } from '../support/database-proxy.ts'
import { needsServer, createTestDatabase } from '../support/database.ts'
import { holdLock } from '../support/hold-lock.ts'
import { ada, slugOf } from '../support/start-app.ts'
import { startBehindProxy } from '../support/start-behind-proxy.ts'
import { production, startServer } from '../support/start-process.ts'
import { hang, startTwilioStandIn } from '../support/twilio-stand-in.ts'

const newPhone = '+12025550106'
const newPassword = 'another horse battery'
const isNotice = ({ body }: { body: string }) => /was changed to one ending in/.test(body)

const storeChallenge = /INSERT INTO challenges/
const readPending = /s\.language AS "sessionLanguage"/
const useAttempt = /UPDATE challenges\s+SET attempts_left/
const lockUser = /SELECT id\s+FROM users\s+WHERE id = \$1::uuid\s+FOR NO KEY UPDATE/
const change = /locked_challenges AS/
const commit = /\bCOMMIT\b/
const lookUp = /FROM "public"\."challenges"/
const deletion = /DELETE FROM users/
const losses: Loss[] = ['lost', 'unacknowledged']

type Service = Pick<Awaited<ReturnType<typeof startBehindProxy>>, 'prisma'>

/** Reads the state that a change must alter completely or not at all. */
const stateOf = async ({ prisma }: Service) => ({
  users: await prisma.user.findMany({
    select: { phone: true, passwordDigest: true, phoneChangedAt: true }
  }),
  sessions: await prisma.session.count(),
  pending: await prisma.challenge.count({ where: { consumedAt: null } })
})

/** Starts a service. Its user has two sessions, a pending login and a pending phone change. */
async function startWithChange(t: Test, options?: Parameters<typeof startBehindProxy>[1]) {
  const service = await startBehindProxy(t, options)
  const { accessToken } = await service.logIn()
  await service.logIn()
  await service.login()
  const { challengeToken } = (await service.changePhone(accessToken, newPhone)).json()
  const code = service.twilio.lastCode()
  return {
    ...service,
    accessToken,
    changed: () => service.verifyPhone(accessToken, challengeToken, code),
    notices: () => service.twilio.messages.filter(isNotice)
  }
}

t.test('a request for a new number', async t => {
  for (const loss of losses) {
    t.test(
      `a request whose storing is ${loss} sends nothing, and the next one sends a valid code`,
      { skip: needsServer },
      async t => {
        const { changePhone, logIn, proxy, twilio, verifyPhone } = await startBehindProxy(t)
        const { accessToken } = await logIn()
        proxy.lose(storeChallenge, loss)
        t.equal(slugOf(await changePhone(accessToken, newPhone)), 'database-unavailable')
        t.notOk(proxy.isWaiting())
        t.equal(twilio.requests.length, 1, 'the message of the login')
        const { challengeToken, sent } = (await changePhone(accessToken, newPhone)).json()
        t.equal(sent, true)
        const responses = await Promise.all(
          [1, 2, 3].map(() => verifyPhone(accessToken, challengeToken, twilio.lastCode()))
        )
        t.equal(responses.filter(({ statusCode }) => statusCode === 204).length, 1)
      }
    )
  }
})

t.test('a change of the number', async t => {
  for (const [name, statement, loss] of [
    ['session is read', readPending, 'lost'],
    ['session is read', readPending, 'unacknowledged'],
    ['attempt is used', useAttempt, 'lost'],
    ['attempt is used', useAttempt, 'unacknowledged'],
    ['user is locked', lockUser, 'lost'],
    ['change is stored', change, 'lost'],
    ['change is committed', commit, 'lost']
  ] as const) {
    t.test(
      `a connection that is ${loss} while the ${name} changes nothing, and the code still works`,
      { skip: needsServer },
      async t => {
        const service = await startWithChange(t)
        const before = await stateOf(service)
        service.proxy.lose(statement, loss)
        t.equal(slugOf(await service.changed()), 'database-unavailable')
        t.notOk(service.proxy.isWaiting())
        t.same(await stateOf(service), before)
        await service.settled()
        t.equal(service.notices().length, 0)

        t.equal((await service.changed()).statusCode, 204)
        await service.settled()
        t.equal(service.notices().length, 1)
        t.match(await stateOf(service), { users: [{ phone: newPhone }], sessions: 1, pending: 0 })
      }
    )
  }

  t.test(
    'a change whose commit is not acknowledged is found and sends one notice',
    { skip: needsServer },
    async t => {
      const service = await startWithChange(t)
      service.proxy.lose(commit, 'unacknowledged')
      t.equal((await service.changed()).statusCode, 204)
      t.notOk(service.proxy.isWaiting())
      await service.settled()
      t.equal(service.notices().length, 1)
      t.match(await stateOf(service), { users: [{ phone: newPhone }], sessions: 1, pending: 0 })
      t.equal(slugOf(await service.changed()), 'challenge-ended')
      await service.settled()
      t.equal(service.notices().length, 1)
    }
  )

  t.test(
    'a change whose commit gets no response in time is found and sends one notice',
    { skip: needsServer },
    async t => {
      const service = await startWithChange(t, {
        pool: { statementTimeout: 1000, connectionTimeout: 1000 }
      })
      service.proxy.lose(commit, 'withheld')
      t.equal((await service.changed()).statusCode, 204)
      t.notOk(service.proxy.isWaiting())
      await service.settled()
      t.equal(service.notices().length, 1)
      t.match(await stateOf(service), { users: [{ phone: newPhone }], sessions: 1, pending: 0 })
    }
  )

  t.test(
    'a committed change that the database does not confirm stays and sends no notice',
    { skip: needsServer },
    async t => {
      const service = await startWithChange(t)
      service.proxy.lose(commit, 'unacknowledged')
      const refused = service.changed()
      while (service.proxy.isWaiting()) await new Promise(resolve => setImmediate(resolve))
      service.proxy.lose(lookUp, 'lost')
      t.equal(slugOf(await refused), 'database-unavailable')
      t.notOk(service.proxy.isWaiting())
      await service.settled()
      // See "Outages" in docs/limitations.md.
      t.equal(service.notices().length, 0)
      t.match(await stateOf(service), { users: [{ phone: newPhone }], sessions: 1, pending: 0 })
      t.match((await service.me(service.accessToken)).json(), { phone: '+1•••••••06' })
    }
  )
})

t.test('a change of the password', async t => {
  for (const [name, statement] of [
    ['user is locked', lockUser],
    ['change is stored', change],
    ['change is committed', commit]
  ] as const) {
    t.test(
      `a connection lost while the ${name} changes nothing, and the request may be repeated`,
      { skip: needsServer },
      async t => {
        const service = await startWithChange(t)
        const { accessToken, changePassword, login } = service
        const before = await stateOf(service)
        service.proxy.lose(statement, 'lost')
        t.equal(slugOf(await changePassword(accessToken, newPassword)), 'database-unavailable')
        t.notOk(service.proxy.isWaiting())
        t.same(await stateOf(service), before)
        t.equal((await login()).statusCode, 200)

        t.equal((await changePassword(accessToken, newPassword)).statusCode, 204)
        t.match(await stateOf(service), { sessions: 1, pending: 0 })
        t.equal(slugOf(await login()), 'invalid-credentials')
        t.equal((await login({ ...ada, password: newPassword })).statusCode, 200)
      }
    )
  }

  t.test(
    'a change whose commit is not acknowledged is complete',
    { skip: needsServer },
    async t => {
      const service = await startWithChange(t)
      const { accessToken, changePassword, login } = service
      service.proxy.lose(commit, 'unacknowledged')
      t.equal(slugOf(await changePassword(accessToken, newPassword)), 'database-unavailable')
      t.match(await stateOf(service), { sessions: 1, pending: 0 })
      t.equal((await login({ ...ada, password: newPassword })).statusCode, 200)
      t.equal(slugOf(await changePassword(accessToken, newPassword)), 'invalid-credentials')
    }
  )
})

t.test('a deletion', async t => {
  for (const loss of losses) {
    t.test(
      `a deletion that is ${loss} deletes everything or nothing, and may be repeated`,
      { skip: needsServer },
      async t => {
        const service = await startWithChange(t)
        const { accessToken, deleteMe, prisma, proxy } = service
        const before = await stateOf(service)
        proxy.lose(deletion, loss)
        t.equal(slugOf(await deleteMe(accessToken)), 'database-unavailable')
        t.notOk(proxy.isWaiting())
        const nothing = { users: [], sessions: 0, pending: 0 }
        t.same(await stateOf(service), loss === 'lost' ? before : nothing)
        const again = await deleteMe(accessToken)
        if (loss === 'lost') t.equal(again.statusCode, 204)
        else t.equal(slugOf(again), 'invalid-token')
        t.same(await stateOf(service), nothing)
        t.equal(await prisma.challenge.count(), 0)
      }
    )
  }
})

/** The requests that change an account in several statements. */
const requests = {
  'a change of the number': ({ changed }: Changing) => changed(),
  'a change of the password': ({ accessToken, changePassword }: Changing) =>
    changePassword(accessToken, newPassword),
  'a deletion': ({ accessToken, deleteMe }: Changing) => deleteMe(accessToken)
}
type Changing = Awaited<ReturnType<typeof startWithChange>>

t.test('a database that ends in the middle', async t => {
  for (const [name, request] of Object.entries(requests)) {
    t.test(
      `${name} whose connection the server terminates leaves everything as it was`,
      { skip: needsServer },
      async t => {
        const service = await startWithChange(t)
        const before = await stateOf(service)
        await holdSessions(service.server, async waiting => {
          const response = request(service)
          await waiting(1)
          await service.server.$queryRaw`
            SELECT pg_terminate_backend(pid)
            FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'`
          t.equal(slugOf(await response), 'database-unavailable')
        })
        t.same(await stateOf(service), before)
        t.equal(service.notices().length, 0)
        t.equal((await request(service)).statusCode, 204)
      }
    )
  }
})

t.test('a network that breaks in the middle', async t => {
  for (const [name, request] of Object.entries(requests).filter(([name]) => /change/.test(name))) {
    t.test(
      `${name} releases its locks, and the user logs in meanwhile`,
      { skip: needsServer },
      async t => {
        const service = await startWithChange(t, {
          pool: { statementTimeout: 1000, connectionTimeout: 1000 },
          policy: { resendCooldown: 0 }
        })
        const before = await stateOf(service)
        service.proxy.lose(change, 'silent')
        const response = request(service)
        while (service.proxy.isWaiting()) await new Promise(resolve => setImmediate(resolve))
        // At most one login waits for as long as a statement may take.
        const logins = [await service.login(), await service.login()]
        t.equal(logins[1]?.statusCode, 200)
        t.equal(slugOf(await response), 'database-unavailable')
        t.same(await stateOf(service), before)
        // The broken connection is not used again.
        t.equal((await service.me(service.accessToken)).statusCode, 200)
        t.equal((await request(service)).statusCode, 204)
      }
    )
  }

  t.test(
    'a connection that becomes silent inside a transaction is not used again',
    { skip: needsServer },
    async t => {
      const service = await startWithChange(t, {
        pool: { statementTimeout: 1000, connectionTimeout: 1000, poolSize: 1 }
      })
      const { accessToken, changeMe, changePassword, proxy, server } = service
      proxy.lose(commit, 'silent')
      t.equal(slugOf(await changePassword(accessToken, newPassword)), 'database-unavailable')
      t.equal((await changeMe(accessToken, { locale: 'de' })).statusCode, 200)
      t.match(await server.user.findMany(), [{ locale: 'de' }], 'the change is committed')
    }
  )
})

t.test('a killed server', async t => {
  t.test(
    'a kill before the commit leaves the old number, and the code still works',
    { skip: needsServer },
    async t => {
      const { notices, prisma, start, twilio } = await startKillable(t)
      const first = await start()
      const accessToken = await first.logIn()
      await first.logIn()
      const { body } = await first.send(accessToken, '/me/phone', { phone: newPhone })
      const submission = { challengeToken: body.challengeToken, code: twilio.lastCode() }
      await holdSessions(prisma, async waiting => {
        const response = first.send(accessToken, '/me/phone/verify', submission)
        await waiting(1)
        first.kill('SIGKILL')
        await t.rejects(response)
      })
      await first.ended
      t.match(await prisma.user.findMany(), [{ phone: ada.phone, phoneChangedAt: null }])
      t.equal(await prisma.session.count(), 2)

      const second = await start()
      t.match(await second.send(accessToken, '/me/phone/verify', submission), { status: 204 })
      second.kill('SIGTERM')
      await second.ended
      t.match(await prisma.user.findMany(), [{ phone: newPhone }])
      t.equal(await prisma.session.count(), 1)
      t.equal(notices().length, 1)
    }
  )

  t.test(
    'a kill between the commit and the notice leaves the new number without a notice',
    { skip: needsServer },
    async t => {
      const { notices, prisma, start, twilio } = await startKillable(t)
      const first = await start()
      const accessToken = await first.logIn()
      await first.logIn()
      const { body } = await first.send(accessToken, '/me/phone', { phone: newPhone })
      const submission = { challengeToken: body.challengeToken, code: twilio.lastCode() }
      // The notice waits for a pending message to the old number.
      twilio.failNext(hang())
      const sent = twilio.requests.length
      const login = first.login(ada.username, ada.password)
      while (twilio.requests.length === sent) await pause()
      const response = first.send(accessToken, '/me/phone/verify', submission)
      while ((await prisma.user.count({ where: { phone: newPhone } })) === 0) await pause()
      first.kill('SIGKILL')
      await Promise.all([t.rejects(login), t.rejects(response)])
      await first.ended

      const second = await start()
      t.match(await second.send(accessToken, '/me/phone/verify', submission), {
        status: 401,
        body: { type: /challenge-ended$/ }
      })
      second.kill('SIGTERM')
      await second.ended
      t.match(await prisma.user.findMany(), [{ phone: newPhone }])
      t.equal(await prisma.session.count(), 1)
      // See "Outages" in docs/limitations.md.
      t.equal(notices().length, 0)
    }
  )

  for (const [name, method, path, payload] of [
    [
      'a change of the password changes nothing',
      'POST',
      '/me/password',
      { currentPassword: ada.password, newPassword }
    ],
    // A deletion is one statement, which the server completes without its client.
    ['a deletion deletes everything', 'DELETE', '/me', { password: ada.password }]
  ] as const) {
    t.test(`a kill during ${name}`, { skip: needsServer }, async t => {
      const { prisma, start } = await startKillable(t)
      const { send, ended, kill, logIn } = await start()
      const accessToken = await logIn()
      const state = async () => [
        await prisma.user.findMany(),
        await prisma.session.findMany(),
        await prisma.challenge.findMany()
      ]
      const before = await state()
      await holdSessions(prisma, async waiting => {
        const response = send(accessToken, path, payload, method)
        await waiting(1)
        kill('SIGKILL')
        await t.rejects(response)
      })
      await ended
      await nothingRuns(prisma)
      t.same(await state(), method === 'DELETE' ? [[], [], []] : before)
    })
  }
})

/** Resolves when no statement and no transaction is running. */
async function nothingRuns(prisma: PrismaClient): Promise<void> {
  while (true) {
    const running = await prisma.$queryRaw<unknown[]>`
      SELECT pid
      FROM pg_stat_activity
      WHERE datname = current_database()
        AND pid <> pg_backend_pid()
        AND state IS DISTINCT FROM 'idle'`
    if (running.length === 0) return
    await pause()
  }
}

/** Locks the rows of all sessions. A change of an account waits for them after its first lock. */
const holdSessions = <T>(
  server: PrismaClient,
  work: (waiting: (count: number) => Promise<void>) => Promise<T>
) => holdLock(server, holder => holder.$queryRaw`SELECT id FROM sessions FOR UPDATE`, work)

const pause = () => new Promise(resolve => setTimeout(resolve, 10))

/** Creates a database with one user. A test can start servers on it and kill them. */
async function startKillable(t: Test) {
  const { prisma, url = '' } = await createTestDatabase(t)
  const twilio = await startTwilioStandIn(t)
  const { username, phone, password } = ada
  const hashing = { memoryKib: 1024, time: 1, concurrency: 1, queue: 1 }
  const passwordDigest = await createPasswords(hashing).hash(password)
  await createUserDirectory(prisma).add({ username, phone, passwordDigest })
  const folder = t.testdir()
  const env = {
    ...production(url, twilio.baseUrl),
    JWT_ISSUER: 'https://login.example',
    RESEND_COOLDOWN: '0'
  }
  return {
    prisma,
    twilio,
    notices: () => twilio.messages.filter(isNotice),
    async start() {
      const server = await startServer(t, { folder, env })
      /** Sends a request with an access token. */
      const send = async (accessToken: string, path: string, body: object, method = 'POST') => {
        const response = await fetch(`${server.url}${path}`, {
          method,
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json', authorization: `Bearer ${accessToken}` }
        })
        const text = await response.text()
        return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
      }
      const logIn = async (): Promise<string> => {
        const { challengeToken } = (await server.login(username, password)).body
        return (await server.verify(challengeToken, twilio.lastCode())).body.accessToken
      }
      return { ...server, send, logIn }
    }
  }
}
