import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import t from 'tap'
import { createMetricsServer } from '../../src/http/connections/metrics-server.ts'
import { startServer } from '../support/start-process.ts'

const metrics = { text: async () => 'up 1\n', contentType: 'text/plain; version=0.0.4' }

t.test('half a request to the metrics listener does not delay shutdown', async t => {
  const { server, send } = await listening()
  const socket = send('GET /metrics HTTP/1.1\r\nHost: x\r\n')
  await once(server.server, 'connection')
  await Promise.all([server.close(), once(socket, 'close')])
  t.equal(server.server.listening, false)
})

t.test('the metrics listener gives a request ten seconds', async t => {
  const { server, send } = await listening()
  t.teardown(() => server.close())
  t.equal(server.server.requestTimeout, 10_000)
  t.equal(server.server.headersTimeout, 10_000)
  server.server.headersTimeout = server.server.requestTimeout = 1
  const socket = send('GET /metrics HTTP/1.1\r\nHost: x\r\n')
  const [answer] = await once(socket, 'data')
  t.match(String(answer), /^HTTP\/1\.1 408 /)
})

t.test('the metrics listener refuses an invalid Host header', async t => {
  const { server, send } = await listening()
  t.teardown(() => server.close())
  const [answer] = await once(send('GET /metrics HTTP/1.1\r\nHost: a b\r\n\r\n'), 'data')
  t.match(String(answer), /^HTTP\/1\.1 400 /)
})

t.test('SIGTERM exits 0 while the metrics listener has half a request', async t => {
  const service = await startServer(t, {
    folder: t.testdir(),
    env: { DATABASE_URL: 'pglite:', METRICS_PORT: '0', SHUTDOWN_TIMEOUT_MS: '5000' }
  })
  const [, port] = await service.prints(/Metrics at http:\/\/127\.0\.0\.1:(\d+)\/metrics/)
  const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
  t.teardown(() => socket.destroy())
  socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n')
  await fetch(`http://127.0.0.1:${port}/metrics`).then(answer => answer.text())
  service.kill('SIGTERM')
  t.match(await service.ended, { code: 0, stderr: '' })
})

async function listening() {
  const server = createMetricsServer(metrics)
  await server.listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.server.address() as AddressInfo
  return {
    server,
    send(bytes: string) {
      const socket = connect(port, '127.0.0.1').on('error', () => {})
      socket.write(bytes)
      return socket
    }
  }
}
