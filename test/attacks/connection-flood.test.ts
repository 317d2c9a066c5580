import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { ada, startApp, type StartOptions } from '../support/start-app.ts'

const livez = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'

t.test('pipelined requests are handled in order, a few at a time', async t => {
  const { app, open } = await listen(t)
  let inFlight = 0
  let highest = 0
  app.server.on('request', (_request, response) => {
    highest = Math.max(highest, ++inFlight)
    response.once('close', () => inFlight--)
  })
  const paths = Array.from({ length: 3000 }, (_, n) => (n % 3 === 0 ? '/livez' : `/none-${n % 3}`))
  const statuses = await readStatuses(open(), 3000, socket => {
    socket.write(paths.map(path => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).join(''))
  })
  t.same(
    statuses,
    paths.map(path => (path === '/livez' ? 200 : 404))
  )
  t.ok(highest <= 36, `${highest} at the same time`)
})

t.test('pipelined requests with bodies split anywhere all get a response', async t => {
  const { open } = await listen(t)
  const body = JSON.stringify({ username: 'x'.repeat(1500), password: 'y' })
  const post = [
    'POST /login HTTP/1.1',
    'Host: x',
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
    '',
    body
  ].join('\r\n')
  const bytes = `${post}${livez}`.repeat(60)
  for (const size of [1, 700, 5000, 70_000]) {
    const short = size === 1 ? `${post}${livez}`.repeat(2) : bytes
    const expected = short.length / (post.length + livez.length)
    const statuses = await readStatuses(open(), expected * 2, async socket => {
      for (let start = 0; start < short.length; start += size) {
        if (!socket.write(short.slice(start, start + size))) await once(socket, 'drain')
        if (size < 1000 && start % (size * 100) === 0)
          await new Promise(resolve => setImmediate(resolve))
      }
    })
    t.same(statuses, Array(expected).fill([400, 200]).flat(), `chunks of ${size} bytes`)
  }
})

t.test('a request after invalid HTTP gets no response', async t => {
  const { open } = await listen(t)
  const socket = open()
  let received = ''
  socket.setEncoding('utf8').on('data', text => {
    received += text
  })
  socket.write(`nonsense ${'x'.repeat(2000)}\r\n\r\n${livez}`)
  await once(socket, 'close')
  t.same(statusesIn(received), [400])
})

t.test('data after a request with Upgrade is not parsed', async t => {
  const { app, open } = await listen(t)
  const urls: (string | undefined)[] = []
  app.server.on('request', ({ url }) => urls.push(url))
  const upgrade = 'Host: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n'
  const body = JSON.stringify({ username: 'x'.repeat(1500), password: 'y' })
  for (const [start, status] of [
    [`GET /livez HTTP/1.1\r\n${upgrade}\r\n`, 200],
    [
      `POST /login HTTP/1.1\r\n${upgrade}Content-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
      400
    ]
  ] as const) {
    // The padding shifts the data by every offset, so that wherever a parser resumed, some attempt
    // would put the start of a request there.
    const inner = `GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`
    for (let pad = 0; pad < inner.length; pad++) {
      const socket = open()
      let received = ''
      socket.setEncoding('utf8').on('data', text => {
        received += text
      })
      socket.write(`${start}GET /${'x'.repeat(pad)}${inner.repeat(30)}`)
      await once(socket, 'close')
      t.same(statusesIn(received), [status])
      t.match(received, /^connection: close/im)
    }
  }
  t.notOk(urls.includes('/smuggled'))
})

t.test('a slow handler delays its connection without closing it', async t => {
  const service = await listen(t)
  const { app, open } = service
  const server = once(app.server, 'connection') as Promise<[Socket]>
  const body = JSON.stringify({ username: ada.username, password: ada.password })
  service.duringHash(async () => {
    const [socket] = await server
    socket.emit('timeout')
    t.notOk(socket.destroyed)
  })
  const statuses = await readStatuses(open(), 2, socket => {
    socket.write(
      `POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}${livez}`
    )
  })
  t.same(statuses, [200, 200])
})

t.test('a client that does not read its responses is disconnected', async t => {
  const { app, open } = await listen(t)
  t.equal(app.server.timeout, 15_000)
  app.server.timeout = 200
  const accepted = once(app.server, 'connection') as Promise<[Socket]>
  const client = open()
  client.on('error', () => {}).pause()
  const [socket] = await accepted
  const closed = once(socket, 'close')
  const bytes = livez.repeat(1000)
  while (!socket.destroyed) {
    if (!client.write(bytes))
      await Promise.race([once(client, 'drain').catch(() => closed), closed])
  }
  await closed
  t.ok(socket.writableLength < 100_000, `${socket.writableLength} bytes unread`)
})

t.test('an address may open 1,024 connections and a trusted proxy any number', async t => {
  for (const [trustedProxies, expected] of [
    [[], 1024],
    [['127.0.0.0/8'], 1100]
  ] as const) {
    const { app, open } = await listen(t, { trustedProxies })
    t.equal(app.server.maxConnections, 4096)
    const sockets = Array.from({ length: 1100 }, open)
    const served = await Promise.all(
      sockets.map(
        socket =>
          new Promise<boolean>(resolve => {
            socket.on('error', () => resolve(false)).on('close', () => resolve(false))
            socket.once('data', () => resolve(true))
            socket.write(livez)
          })
      )
    )
    t.equal(served.filter(Boolean).length, expected)
    const [first] = sockets
    const freed = new Promise(resolve =>
      app.server.once('connection', socket => setImmediate(resolve, socket))
    )
    first?.destroy()
    while ((await connections(app)) >= expected) await new Promise(resolve => setImmediate(resolve))
    t.same(await readStatuses(open(), 1, socket => void socket.write(livez)), [200])
    await freed
  }
})

const connections = ({ server }: Awaited<ReturnType<typeof startApp>>['app']) =>
  new Promise<number>((resolve, reject) =>
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)))
  )

const statusesIn = (received: string) =>
  [...received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))

/** Sends data and returns the statuses of the next `count` responses. */
async function readStatuses(
  socket: Socket,
  count: number,
  send: (socket: Socket) => void | Promise<void>
): Promise<number[]> {
  let received = ''
  const done = new Promise<void>((resolve, reject) => {
    socket.setEncoding('utf8').on('data', (text: string) => {
      received += text
      if (statusesIn(received).length >= count) resolve()
    })
    socket.on('close', () => reject(new Error(`closed after ${statusesIn(received).length}`)))
  })
  await send(socket)
  await done
  socket.destroy()
  return statusesIn(received)
}

async function listen(t: Test, options: StartOptions = {}) {
  const service = await startApp(t, options)
  await service.app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = service.app.server.address() as AddressInfo
  const open = () => {
    const socket = connect(port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    return socket
  }
  return { ...service, open }
}
