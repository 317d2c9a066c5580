import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import pino from 'pino'
import t from 'tap'
import { createMetricsServer } from '../../src/http/connections/metrics-server.ts'
import { startServer } from '../support/start-process.ts'

const metrics = { text: async () => 'up 1\n', contentType: 'text/plain; version=0.0.4' }

t.test('an incomplete request to the metrics server does not delay shutdown', async t => {
  const { server, send } = await listen()
  const socket = send('GET /metrics HTTP/1.1\r\nHost: x\r\n')
  await once(server.server, 'connection')
  await Promise.all([server.close(), once(socket, 'close')])
  t.equal(server.server.listening, false)
})

t.test('a request to the metrics server times out after ten seconds', async t => {
  const { server, send } = await listen()
  t.teardown(() => server.close())
  t.equal(server.server.requestTimeout, 10_000)
  t.equal(server.server.headersTimeout, 10_000)
  server.server.headersTimeout = server.server.requestTimeout = 1
  const socket = send('GET /metrics HTTP/1.1\r\nHost: x\r\n')
  const [response] = await once(socket, 'data')
  t.match(String(response), /^HTTP\/1\.1 408 /)
})

t.test('the metrics server refuses an invalid Host header', async t => {
  const { server, send } = await listen()
  t.teardown(() => server.close())
  const [response] = await once(send('GET /metrics HTTP/1.1\r\nHost: a b\r\n\r\n'), 'data')
  t.match(String(response), /^HTTP\/1\.1 400 /)
})

t.test('SIGTERM exits 0 while the metrics server has an incomplete request', async t => {
  const service = await startServer(t, {
    folder: t.testdir(),
    env: { DATABASE_URL: 'pglite:', METRICS_PORT: '0', SHUTDOWN_TIMEOUT_MS: '5000' }
  })
  const [, port] = await service.prints(/Metrics at http:\/\/127\.0\.0\.1:(\d+)\/metrics/)
  const socket = connect(Number(port), '127.0.0.1').on('error', () => {})
  t.teardown(() => socket.destroy())
  socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\n')
  await fetch(`http://127.0.0.1:${port}/metrics`).then(response => response.text())
  service.kill('SIGTERM')
  t.match(await service.ended, { code: 0, stderr: '' })
})

async function listen() {
  const server = createMetricsServer(metrics, pino({ level: 'silent' }))
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
