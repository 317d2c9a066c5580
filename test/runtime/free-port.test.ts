import { createServer, type AddressInfo } from 'node:net'
import t from 'tap'
import { freePort } from '../../src/runtime/free-port.ts'

t.test('a free port is none that the system could assign to another process', async t => {
  const ports = await Promise.all(Array.from({ length: 20 }, () => freePort('127.0.0.1', 0)))
  for (const port of ports) t.ok(port >= 10_000 && port < 32_768, String(port))
})

t.test('a port in use and a foreign address are refused with one line', async t => {
  const server = createServer()
  t.teardown(() => server.close())
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await t.rejects(freePort('127.0.0.1', port), { message: /^HOST and PORT can't be used: .*\d$/ })
  await t.rejects(freePort('192.0.2.1', 0), { message: /^HOST and PORT can't be used: / })
})
