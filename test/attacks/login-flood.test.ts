import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { openDatabase } from '../../src/adapters/postgres/database.ts'
import { needsServer, createTestDatabase } from '../support/database.ts'
import { ada, defaultLimits, startApp, type StartOptions } from '../support/start-app.ts'
import { startStatementCounter } from '../support/statement-counter.ts'
import { isFull, spyOnHashes } from '../support/spy-on-hashes.ts'

const body = JSON.stringify({ username: ada.username, password: ada.password })
const headers = { 'content-type': 'application/json' }

t.test('logins beyond the hashing queue get 503 without waiting for the queue', async t => {
  const { url, hashes } = await listen(t)
  hashes.hold()
  const statuses: number[] = []
  const burst = Array.from({ length: 20 }, async () => {
    const response = await fetch(`${url}/login`, { method: 'POST', headers, body })
    statuses.push(response.status)
    // Hashing starts only now, so that the order does not depend on how long it takes.
    if (statuses.length === 17) hashes.release()
    return response
  })
  const responses = await Promise.all(burst)
  t.same(statuses, [...Array(17).fill(503), 200, 200, 200])
  for (const response of responses.filter(({ status }) => status === 503)) {
    t.equal(response.headers.get('retry-after'), '1')
    t.match(await response.json(), { type: /\/busy$/, status: 503, retryAfter: 1 })
  }
  t.equal(hashes.completed(), 3)
  t.equal(hashes.maxConcurrent(), 1)

  const after = await Promise.all(
    Array.from({ length: 3 }, () => fetch(`${url}/login`, { method: 'POST', headers, body }))
  )
  t.same(
    after.map(({ status }) => status),
    [200, 200, 200],
    'later logins succeed'
  )
})

t.test('a client that disconnects while queued costs no hash and frees its slot', async t => {
  const { url, hashes, logged, waitUntil } = await listen(t)
  hashes.hold()
  const first = fetch(`${url}/login`, { method: 'POST', headers, body })
  await hashes.started(1)
  const { hostname, port } = new URL(url)
  const disconnecting = [connect(Number(port), hostname), connect(Number(port), hostname)] as const
  for (const client of disconnecting) {
    client.on('error', () => {})
    client.write(
      `POST /login HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`
    )
  }
  await waitUntil('full')

  disconnecting[0].end()
  disconnecting[1].resetAndDestroy()
  await waitUntil('not full')
  const others = [
    fetch(`${url}/login`, { method: 'POST', headers, body }),
    fetch(`${url}/login`, { method: 'POST', headers, body })
  ]
  await waitUntil('full')
  hashes.release()
  t.same(
    (await Promise.all([first, ...others])).map(({ status }) => status),
    [200, 200, 200]
  )
  t.equal(hashes.completed(), 3)
  t.same(
    logged.filter(line => JSON.parse(line).level >= 40),
    [],
    'a disconnect is not an error'
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
  t.equal(hashes.completed(), 0)
  t.equal((await app.inject('/.well-known/jwks.json')).statusCode, 200)
  t.equal((await login(ada, '198.51.100.7')).statusCode, 200)
  wait(60)
  t.equal((await login()).statusCode, 200)
})

t.test('while logins queue, requests without a password complete first', async t => {
  const { url, hashes, waitUntil, loginAndReadCode, accessToken } = await listen(t)
  const authorization = `Bearer ${await accessToken()}`
  const pending = await loginAndReadCode()
  hashes.hold()
  const completed: string[] = []
  const send = async (path: string, request: RequestInit = {}) => {
    const { status } = await fetch(`${url}${path}`, request)
    completed.push(`${path} ${status}`)
  }
  const logins = Array.from({ length: 3 }, () => send('/login', { method: 'POST', headers, body }))
  await waitUntil('full')
  await send('/verify', { method: 'POST', headers, body: JSON.stringify(pending) })
  await send('/me', { headers: { authorization } })
  await send('/.well-known/jwks.json')
  hashes.release()
  await Promise.all(logins)
  t.same(completed, [
    '/verify 200',
    '/me 200',
    '/.well-known/jwks.json 200',
    '/login 200',
    '/login 200',
    '/login 200'
  ])
})

// Needs a server, because statements to an embedded database cannot be counted on a connection.

t.test(
  'a login refused by the full queue costs no SQL statement',
  { skip: needsServer },
  async t => {
    const { url: databaseUrl = '' } = await createTestDatabase(t)
    const counter = await startStatementCounter(t, databaseUrl)
    // A single connection that is already open, because opening another would count as a statement.
    const counted = await openDatabase(counter.url, { poolSize: 1 })
    t.teardown(counted.close)
    const { url, hashes } = await listen(t, {
      database: { ...counted, url: counter.url },
      limits: { requests: 60 }
    })
    hashes.hold()
    counter.take()
    const logins = Array.from({ length: 3 }, () =>
      fetch(`${url}/login`, { method: 'POST', headers, body })
    )
    // Each of the accepted logins executes one statement.
    for (let executed = 0; executed < 3; executed += counter.take())
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

/** Starts the service on a socket with one concurrent hash and two that may wait. */
async function listen(t: Test, options: StartOptions = {}) {
  const service = await startApp(t, { argon2: { concurrency: 1, queue: 2 }, ...options })
  const url = await service.app.listen({ port: 0, host: '127.0.0.1' })
  const hashes = spyOnHashes(t)
  return {
    ...service,
    url,
    hashes,
    /** Resolves when the queue is full, or when it no longer is. */
    async waitUntil(queue: 'full' | 'not full') {
      while (isFull(service.passwords.reserveSlot) !== (queue === 'full'))
        await new Promise(resolve => setImmediate(resolve))
    }
  }
}
