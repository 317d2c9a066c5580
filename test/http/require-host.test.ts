import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { startApp } from '../support/start-app.ts'

const refused = {
  'no Host': '',
  'two different Hosts': 'Host: a.example\r\nHost: b.example\r\n',
  'the same Host twice': 'Host: a.example\r\nhost: a.example\r\n',
  'an empty Host': 'Host:\r\n',
  'a blank Host': 'Host:   \r\n',
  'a Host with a space': 'Host: a.example b.example\r\n',
  'a Host with a tab': 'Host: a.example\tb\r\n',
  'two hosts in one header': 'Host: a.example, b.example\r\n',
  'a Host with a path': 'Host: a.example/x\r\n',
  'a Host with a user': 'Host: ada@a.example\r\n',
  'a port without a host': 'Host: :3000\r\n',
  'a port that is not a number': 'Host: a.example:http\r\n',
  'two ports': 'Host: a.example:80:80\r\n',
  'an IPv6 address without brackets': 'Host: ::1\r\n',
  'an open bracket': 'Host: [::1\r\n',
  'an invalid escape': 'Host: a%zz.example\r\n',
  'letters beyond ASCII': 'Host: bücher.example\r\n'
}
const accepted = [
  'localhost',
  'a.example:3000',
  'a.example:',
  '127.0.0.1:80',
  '[::1]:3000',
  'A_b.example',
  'xn--bcher-kva.example'
]

for (const [name, header] of Object.entries(refused)) {
  t.test(`${name} is refused for every method and path`, async t => {
    const send = await listen(t)
    for (const line of ['GET /livez', 'GET /nowhere', 'OPTIONS /login']) {
      const response = await send(`${line} HTTP/1.1\r\n${header}Connection: close\r\n\r\n`)
      t.match(response, /^HTTP\/1\.1 400 [^]*"type":"\/problems\/invalid-request"/, line)
    }
  })
}

t.test('any valid Host is accepted', async t => {
  const send = await listen(t)
  for (const host of accepted)
    t.match(
      await send(`GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`),
      /^HTTP\/1\.1 200 /,
      host
    )
})

t.test('HTTP/1.0 requests may omit Host but not send an invalid one', async t => {
  const send = await listen(t)
  t.match(await send('GET /livez HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 /)
  t.match(await send('GET /livez HTTP/1.0\r\nHost: a b\r\n\r\n'), /^HTTP\/1\.1 400 /)
})

/** Starts the service. Returns a function that sends bytes over a new connection. */
async function listen(t: Test) {
  const { app } = await startApp(t, { corsOrigins: ['https://app.example'] })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return async (bytes: string) => {
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    let received = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk))
    socket.write(bytes)
    await once(socket, 'close')
    return received
  }
}
