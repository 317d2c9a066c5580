import { connect, type AddressInfo } from 'node:net'
import t from 'tap'
import { start } from '../support/start.ts'

t.test('a refused connection is closed, also when the client keeps its side open', async t => {
  const { app } = await start(t)
  await app.listen({ port: 0 })
  const { port } = app.server.address() as AddressInfo
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => client.destroy())
  const accepted = new Promise(resolve => app.server.once('connection', socket => socket.once('close', resolve)))
  client.write('this is not HTTP\r\n\r\n')
  client.resume()
  await accepted
  t.pass('the server has let go of it')
})
