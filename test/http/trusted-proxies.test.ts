import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import t from 'tap'
import { ada, slugOf, start } from '../support/start.ts'

type Started = Awaited<ReturnType<typeof start>>

/** The address that the log has for a request which came from `peer` with these headers. */
async function addressSeen ({ app, logged }: Started, peer: string, headers: Record<string, string>) {
  const before = logged.length
  await app.inject({ url: '/livez', remoteAddress: peer, headers })
  return logged.slice(before).map(line => JSON.parse(line)).find(({ msg }) => msg === 'answered')?.ip
}

const spoofed = {
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'https',
  'x-forwarded-port': '1',
  'x-real-ip': '203.0.113.9',
  'x-client-ip': '203.0.113.9',
  'true-client-ip': '203.0.113.9',
  'cf-connecting-ip': '203.0.113.9',
  forwarded: 'for=203.0.113.9;host=evil.example;proto=https'
}

t.test('without a list, what a request says of its origin changes nothing', async t => {
  const started = await start(t)
  for (const peer of ['198.51.100.7', '127.0.0.1', '10.1.2.3', '::1']) t.equal(await addressSeen(started, peer, spoofed), peer)
})

t.test('a peer that is not a listed proxy is taken for what it is', async t => {
  const started = await start(t, { trustedProxies: ['10.0.0.0/8', '2001:db8:1::/48'] })
  for (const peer of ['198.51.100.7', '127.0.0.1', '11.0.0.1', '192.168.0.1', '::1', '2001:db8:2::1']) t.equal(await addressSeen(started, peer, spoofed), peer)
})

t.test('behind listed proxies the address is the last one that is none of them', async t => {
  const started = await start(t, { trustedProxies: ['10.0.0.0/8', '::1', '2001:db8:1::/48'] })
  for (const peer of ['10.1.2.3', '::ffff:10.1.2.3', '::1', '2001:db8:1::5']) {
    t.equal(await addressSeen(started, peer, { 'x-forwarded-for': '203.0.113.9' }), '203.0.113.9', peer)
    t.equal(await addressSeen(started, peer, { 'x-forwarded-for': '192.0.2.1, 203.0.113.9, 10.9.9.9' }), '203.0.113.9', 'what the client wrote itself does not count')
    t.equal(await addressSeen(started, peer, { 'x-forwarded-for': '2001:db8:2::1' }), '2001:db8:2::1')
    t.equal(await addressSeen(started, peer, {}), peer, 'a proxy that says nothing')
    t.equal(await addressSeen(started, peer, { forwarded: 'for=203.0.113.9', 'x-real-ip': '203.0.113.9' }), peer, 'no header but the one')
  }
})

t.test('nobody gets more tries by making up addresses', async t => {
  const { app } = await start(t, { limits: { requests: 3 }, trustedProxies: ['10.0.0.0/8'] })
  const ask = (n: number, peer: string) => app.inject({
    method: 'POST', url: '/login', remoteAddress: peer, headers: { ...spoofed, 'x-forwarded-for': `203.0.113.${n}`, 'content-type': 'application/json' }, payload: '{}'
  })
  const statuses = async (peer: string) => {
    const answers = []
    for (let n = 0; n < 5; n++) answers.push((await ask(n, peer)).statusCode)
    return answers
  }
  t.same(await statuses('198.51.100.7'), [400, 400, 400, 429, 429])
  t.same(await statuses('10.1.2.3'), [400, 400, 400, 400, 400], 'but a proxy speaks for as many as it says')
})

t.test('no answer depends on the host or the scheme that a request names', async t => {
  const { app } = await start(t, { trustedProxies: ['127.0.0.1'] })
  const headers = { ...spoofed, host: 'evil.example', 'content-type': 'application/json' }
  const { challengeToken } = (await app.inject({ method: 'POST', url: '/login', headers, payload: JSON.stringify({ username: ada.username, password: ada.password }) })).json()
  t.match(claims(challengeToken), { iss: 'https://login.example', aud: 'https://login.example/verify' })
  const answer = await app.inject({ url: '/nowhere', headers })
  t.equal(slugOf(answer), 'not-found')
  t.notMatch(JSON.stringify([answer.headers, answer.body]), 'evil')
})

t.test('so it is on a connection', async t => {
  const { app, logged } = await start(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket.resume().write('GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: 203.0.113.9\r\nx-forwarded-for: 203.0.113.10\r\n\r\n')
  await once(socket, 'close')
  t.ok(logged.some(line => line.includes('"ip":"127.0.0.1"')))
  t.notMatch(logged.join(''), '203.0.113')
})

const claims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
