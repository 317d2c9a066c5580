import { get } from 'node:http'
import { once } from 'node:events'
import t from 'tap'
import { startApp } from '../support/start-app.ts'

t.test('an idle connection stays open for KEEP_ALIVE_TIMEOUT_MS', async t => {
  const { app } = await startApp(t, { keepAliveTimeoutMs: 601_000 })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const request = get(`${url}/livez`, { headers: { connection: 'keep-alive' } })
  const [response] = await once(request, 'response')
  t.equal(response.headers['keep-alive'], 'timeout=601')
  t.equal(app.server.keepAliveTimeout, 601_000)
  request.destroy()
})
