import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { generateApiKey, hashApiKey } from '../../src/domain/admin/api-keys.ts'
import { startServer } from '../support/start-process.ts'

t.test('a kept-alive connection that is reused during shutdown gets a last response', async t => {
  const server = await startServer(t, { folder: t.testdir(), env: { DATABASE_URL: 'pglite:' } })
  const reused = client(t, server.url)
  const fresh = client(t, server.url)
  t.match(await reused.get('/livez'), /^HTTP\/1\.1 200 [^]*\r\nconnection: keep-alive\r\n/i)
  server.kill('SIGTERM')
  await server.prints(/"msg":"stopping|stopping:/)
  for (const { get, closed } of [reused, fresh]) {
    t.match(await get('/livez'), /^HTTP\/1\.1 200 [^]*\r\nconnection: close\r\n/i)
    await closed
  }
  t.match(await server.ended, { code: 0, stderr: '' })
})

t.test('an idle connection that is not reused does not delay shutdown', async t => {
  const server = await startServer(t, { folder: t.testdir(), env: { DATABASE_URL: 'pglite:' } })
  const idle = client(t, server.url)
  await idle.get('/livez')
  server.kill('SIGTERM')
  t.match(await server.ended, { code: 0, stderr: '' })
  await idle.closed
})

t.test('connections to the admin API get a last response and do not delay shutdown', async t => {
  const apiKey = generateApiKey()
  const server = await startServer(t, {
    folder: t.testdir(),
    env: {
      DATABASE_URL: 'pglite:',
      ADMIN_PORT: '0',
      API_KEY_HASHES: hashApiKey(apiKey).toString('hex')
    }
  })
  const [, url = ''] = await server.prints(/Admin API at (http:[^"]+)"/)
  const authorization = `Authorization: Bearer ${apiKey}\r\n`
  const [idle, reused, fresh] = [client(t, url), client(t, url), client(t, url)]
  t.match(await idle.get('/users'), /^HTTP\/1\.1 401 /)
  t.match(
    await reused.get('/users', authorization),
    /^HTTP\/1\.1 200 [^]*\r\nconnection: keep-alive\r\n/i
  )
  server.kill('SIGTERM')
  await server.prints(/"msg":"stopping|stopping:/)
  for (const { get, closed } of [reused, fresh]) {
    t.match(await get('/users', authorization), /^HTTP\/1\.1 200 [^]*\r\nconnection: close\r\n/i)
    await closed
  }
  t.match(await server.ended, { code: 0, stderr: '' })
  await idle.closed
  t.notMatch(server.printed(), /"level":"(error|fatal)"/)
})

/** Opens a connection that stays open until the server closes it. */
function client(t: Test, url: string) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname).setEncoding('utf8')
  t.teardown(() => socket.destroy())
  const closed = once(socket, 'close')
  return {
    closed,
    async get(path: string, headers = ''): Promise<string> {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: here\r\n${headers}\r\n`)
      const [response] = await once(socket, 'data')
      return String(response)
    }
  }
}
