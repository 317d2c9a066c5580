import { connect, type AddressInfo } from 'node:net'
import t from 'tap'
import { startApp } from '../support/start-app.ts'

t.test('a refused connection is closed even when the client keeps its side open', async t => {
  const { app } = await startApp(t)
  await app.listen({ port: 0 })
  const { port } = app.server.address() as AddressInfo
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => client.destroy())
  const accepted = new Promise(resolve =>
    app.server.once('connection', socket => socket.once('close', resolve))
  )
  client.write('this is not HTTP\r\n\r\n')
  client.resume()
  await accepted
  t.pass('the server has closed the connection')
})
