import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import t from 'tap'
import { ada, slugOf, startApp } from '../support/start-app.ts'

type Service = Awaited<ReturnType<typeof startApp>>

/** Returns the client address in the log of a request from `peer` with these headers. */
async function loggedAddress(
  { app, logged }: Service,
  peer: string,
  headers: Record<string, string>
) {
  const before = logged.length
  await app.inject({ url: '/livez', remoteAddress: peer, headers })
  return logged
    .slice(before)
    .map(line => JSON.parse(line))
    .find(({ msg }) => msg === 'request completed')?.ip
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

t.test('without trusted proxies, forwarding headers are ignored', async t => {
  const started = await startApp(t)
  for (const peer of ['198.51.100.7', '127.0.0.1', '10.1.2.3', '::1'])
    t.equal(await loggedAddress(started, peer, spoofed), peer)
})

t.test('forwarding headers of an untrusted peer are ignored', async t => {
  const started = await startApp(t, { trustedProxies: ['10.0.0.0/8', '2001:db8:1::/48'] })
  for (const peer of [
    '198.51.100.7',
    '127.0.0.1',
    '11.0.0.1',
    '192.168.0.1',
    '::1',
    '2001:db8:2::1'
  ])
    t.equal(await loggedAddress(started, peer, spoofed), peer)
})

t.test('behind trusted proxies, the last untrusted address counts', async t => {
  const started = await startApp(t, { trustedProxies: ['10.0.0.0/8', '::1', '2001:db8:1::/48'] })
  for (const peer of ['10.1.2.3', '::ffff:10.1.2.3', '::1', '2001:db8:1::5']) {
    t.equal(
      await loggedAddress(started, peer, { 'x-forwarded-for': '203.0.113.9' }),
      '203.0.113.9',
      peer
    )
    t.equal(
      await loggedAddress(started, peer, { 'x-forwarded-for': '192.0.2.1, 203.0.113.9, 10.9.9.9' }),
      '203.0.113.9',
      'addresses that the client sent do not count'
    )
    t.equal(
      await loggedAddress(started, peer, { 'x-forwarded-for': '2001:db8:2::1' }),
      '2001:db8:2::1'
    )
    t.equal(await loggedAddress(started, peer, {}), peer, 'a proxy without X-Forwarded-For')
    t.equal(
      await loggedAddress(started, peer, {
        forwarded: 'for=203.0.113.9',
        'x-real-ip': '203.0.113.9'
      }),
      peer,
      'no other header is read'
    )
  }
})

t.test('a trusted proxy is recognized in every notation of X-Forwarded-For', async t => {
  const started = await startApp(t, {
    trustedProxies: ['10.0.0.0/8', '203.0.113.2', '2001:db8:1::/48', 'fe80::/10']
  })
  const addressFrom = (forwarded: string) =>
    loggedAddress(started, '10.1.2.3', { 'x-forwarded-for': forwarded })
  const proxies = [
    '203.0.113.2',
    '203.0.113.2:41000',
    '[203.0.113.2]:41000',
    '"203.0.113.2:41000"',
    '::ffff:203.0.113.2',
    '::ffff:203.0.113.2:41000',
    '[::ffff:203.0.113.2]:41000',
    '[::ffff:cb00:7102]:41000',
    '2001:db8:1::5',
    '[2001:db8:1::5]',
    '[2001:db8:1::5]:41000',
    '"[2001:db8:1::5]:41000"',
    'fe80::5%eth0',
    'fe80::5%br-lan',
    '[fe80::5%eth0]:41000'
  ]
  for (const proxy of proxies) {
    t.equal(await addressFrom(`198.51.100.9, ${proxy}`), '198.51.100.9', proxy)
    t.equal(
      await addressFrom(`198.51.100.9:5000,${proxy}`),
      '198.51.100.9',
      `${proxy}, client's port`
    )
    t.equal(await addressFrom(`[2001:db8:2::9]:5000, ${proxy}, 10.9.9.9:1`), '2001:db8:2::9', proxy)
    t.equal(await addressFrom(`192.0.2.1, 198.51.100.9, ${proxy}, ${proxy}`), '198.51.100.9', proxy)
  }
  for (const other of ['203.0.113.3:41000', '[2001:db8:2::5]:41000', '203.0.113.2:41000:1'])
    t.notMatch(await addressFrom(`198.51.100.9, ${other}`), '198.51.100.9', other)
})

t.test('forged addresses do not bypass the rate limit', async t => {
  const { app } = await startApp(t, { limits: { requests: 3 }, trustedProxies: ['10.0.0.0/8'] })
  const send = (n: number, peer: string) =>
    app.inject({
      method: 'POST',
      url: '/login',
      remoteAddress: peer,
      headers: {
        ...spoofed,
        'x-forwarded-for': `203.0.113.${n}`,
        'content-type': 'application/json'
      },
      payload: '{}'
    })
  const statusesFor = async (peer: string) => {
    const statuses = []
    for (let n = 0; n < 5; n++) statuses.push((await send(n, peer)).statusCode)
    return statuses
  }
  t.same(await statusesFor('198.51.100.7'), [400, 400, 400, 429, 429])
  t.same(
    await statusesFor('10.1.2.3'),
    [400, 400, 400, 400, 400],
    'each client of a trusted proxy has its own limit'
  )
})

t.test('no response depends on the host or scheme of the request', async t => {
  const { app } = await startApp(t, { trustedProxies: ['127.0.0.1'] })
  const headers = { ...spoofed, host: 'evil.example', 'content-type': 'application/json' }
  const { challengeToken } = (
    await app.inject({
      method: 'POST',
      url: '/login',
      headers,
      payload: JSON.stringify({ username: ada.username, password: ada.password })
    })
  ).json()
  t.match(claims(challengeToken), {
    iss: 'https://login.example',
    aud: 'https://login.example/verify'
  })
  const response = await app.inject({ url: '/nowhere', headers })
  t.equal(slugOf(response), 'not-found')
  t.notMatch(JSON.stringify([response.headers, response.body]), 'evil')
})

t.test('forwarding headers on a real connection are ignored without trusted proxies', async t => {
  const { app, logged } = await startApp(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  socket
    .resume()
    .write(
      'GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n' +
        'x-forwarded-for: 203.0.113.9\r\nx-forwarded-for: 203.0.113.10\r\n\r\n'
    )
  await once(socket, 'close')
  t.ok(logged.some(line => line.includes('"ip":"127.0.0.1"')))
  t.notMatch(logged.join(''), '203.0.113')
})

const claims = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
