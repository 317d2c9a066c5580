import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { needsServer, testDatabase } from '../support/database.ts'
import { ada, defaultLimits, startApp, type StartOptions } from '../support/start-app.ts'
import { statementCounter } from '../support/statement-counter.ts'
import { isFull, spyOnHashes } from '../support/spy-on-hashes.ts'

const body = JSON.stringify({ username: ada.username, password: ada.password })
const headers = { 'content-type': 'application/json' }

t.test(
  'a burst of logins beyond the hashing queue gets 503 before the queue is processed',
  async t => {
    const { url, hashes } = await listening(t)
    hashes.hold()
    const answered: number[] = []
    const burst = Array.from({ length: 20 }, async () => {
      const answer = await fetch(`${url}/login`, { method: 'POST', headers, body })
      answered.push(answer.status)
      // Not before: then it would be by the time that hashing takes that they are told.
      if (answered.length === 17) hashes.release()
      return answer
    })
    const answers = await Promise.all(burst)
    t.same(answered, [...Array(17).fill(503), 200, 200, 200])
    for (const answer of answers.filter(({ status }) => status === 503)) {
      t.equal(answer.headers.get('retry-after'), '1')
      t.match(await answer.json(), { type: /\/busy$/, status: 503, retryAfter: 1 })
    }
    t.equal(hashes.done(), 3)
    t.equal(hashes.atOnce(), 1)

    const after = await Promise.all(
      Array.from({ length: 3 }, () => fetch(`${url}/login`, { method: 'POST', headers, body }))
    )
    t.same(
      after.map(({ status }) => status),
      [200, 200, 200],
      'and then everything is as before'
    )
  }
)

t.test('a client that disconnects while queued is not hashed and frees its place', async t => {
  const { url, hashes, logged, filled } = await listening(t)
  hashes.hold()
  const first = fetch(`${url}/login`, { method: 'POST', headers, body })
  await hashes.begun(1)
  const { hostname, port } = new URL(url)
  const impatient = [connect(Number(port), hostname), connect(Number(port), hostname)] as const
  for (const client of impatient) {
    client.on('error', () => {})
    client.write(
      `POST /login HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
    )
  }
  await filled(true)

  impatient[0].end()
  impatient[1].resetAndDestroy()
  await filled(false)
  const others = [
    fetch(`${url}/login`, { method: 'POST', headers, body }),
    fetch(`${url}/login`, { method: 'POST', headers, body })
  ]
  await filled(true)
  hashes.release()
  t.same(
    (await Promise.all([first, ...others])).map(({ status }) => status),
    [200, 200, 200]
  )
  t.equal(hashes.done(), 3)
  t.same(
    logged.filter(line => JSON.parse(line).level >= 40),
    [],
    'and it is no error'
  )
})

t.test('an address may send sixty POST requests a minute, whatever they contain', async t => {
  const { app, login, post, wait } = await startApp(t, {
    limits: { requests: defaultLimits.requests }
  })
  for (let n = 0; n < 60; n++)
    t.not((await post(['/login', '/verify', '/resend'][n % 3] ?? '', '{')).statusCode, 429)
  const hashes = spyOnHashes(t)
  for (const url of ['/login', '/verify', '/resend']) {
    const refused = await post(url, ada)
    t.match(refused.json(), {
      status: 429,
      type: /too-many-attempts$/,
      reason: 'requests',
      retryAfter: 60
    })
    t.equal(refused.headers['retry-after'], '60')
  }
  t.equal((await login()).statusCode, 429)
  t.equal(hashes.done(), 0)
  t.equal((await app.inject('/.well-known/jwks.json')).statusCode, 200)
  t.equal((await login(ada, '198.51.100.7')).statusCode, 200)
  wait(60)
  t.equal((await login()).statusCode, 200)
})

t.test('while logins queue, requests without a password are answered first', async t => {
  const { url, hashes, filled, loginAndReadCode, accessToken } = await listening(t)
  const authorization = `Bearer ${await accessToken()}`
  const pending = await loginAndReadCode()
  hashes.hold()
  const answered: string[] = []
  const ask = async (path: string, request: RequestInit = {}) => {
    const { status } = await fetch(`${url}${path}`, request)
    answered.push(`${path} ${status}`)
  }
  const logins = Array.from({ length: 3 }, () => ask('/login', { method: 'POST', headers, body }))
  await filled(true)
  await ask('/verify', { method: 'POST', headers, body: JSON.stringify(pending) })
  await ask('/me', { headers: { authorization } })
  await ask('/.well-known/jwks.json')
  hashes.release()
  await Promise.all(logins)
  t.same(answered, [
    '/verify 200',
    '/me 200',
    '/.well-known/jwks.json 200',
    '/login 200',
    '/login 200',
    '/login 200'
  ])
})

// An embedded database has no wire on which to count.

t.test(
  'a login refused by the full queue costs no SQL statement',
  { skip: needsServer },
  async t => {
    const { url: databaseUrl = '' } = await testDatabase(t)
    const counter = await statementCounter(t, databaseUrl)
    // One connection, which is open by then: setting up another would count as a statement.
    const counted = await openDatabase(counter.url, { poolSize: 1 })
    t.teardown(counted.close)
    const { url, hashes } = await listening(t, {
      database: { ...counted, url: counter.url },
      limits: { requests: 60 }
    })
    hashes.hold()
    counter.take()
    const logins = Array.from({ length: 3 }, () =>
      fetch(`${url}/login`, { method: 'POST', headers, body })
    )
    // Their own: one each.
    for (let asked = 0; asked < 3; asked += counter.take())
      await new Promise(resolve => setImmediate(resolve))
    const refused = await Promise.all(
      Array.from({ length: 20 }, () => fetch(`${url}/login`, { method: 'POST', headers, body }))
    )
    t.ok(refused.every(({ status }) => status === 503))
    t.equal(counter.take(), 0)
    hashes.release()
    t.same(
      (await Promise.all(logins)).map(({ status }) => status),
      [200, 200, 200]
    )
  }
)

/** The service on a socket, where one hash runs and two may wait. */
async function listening(t: Test, options: StartOptions = {}) {
  const service = await startApp(t, { argon2: { concurrency: 1, queue: 2 }, ...options })
  const url = await service.app.listen({ port: 0, host: '127.0.0.1' })
  const hashes = spyOnHashes(t)
  return {
    ...service,
    url,
    hashes,
    /** Resolves when there is no room for another hash, or when there is. */
    async filled(full: boolean) {
      while (isFull(service.passwords.reserveSlot) !== full)
        await new Promise(resolve => setImmediate(resolve))
    }
  }
}
