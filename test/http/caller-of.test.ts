import t from 'tap'
import { callerOf } from '../../src/http/caller-of.ts'

type Asked = Parameters<typeof callerOf>[0]
const caller = (ip: string, remoteAddress: string | undefined = '10.0.0.1') => callerOf({ ip, id: 'one', socket: { remoteAddress } } as Asked)

t.test('budgets are charged to an IPv4 address, or to the /56 of an IPv6 one', async t => {
  t.same(caller('198.51.100.7'), { address: '198.51.100.7', network: '198.51.100.7', requestId: 'one', toll: [] })
  t.equal(caller('::ffff:198.51.100.7').network, '198.51.100.7')
  for (const ip of ['2001:db8:7:ff00::1', '2001:0DB8:7:ffaa:1::', '2001:db8:7:ff01:ffff:ffff:ffff:ffff%eth0']) t.equal(caller(ip).network, '2001:db8:7:ff00::/56', ip)
  t.equal(caller('2001:db8:7:fe00::1').network, '2001:db8:7:fe00::/56')
})

t.test('a port that a gateway has appended makes no new address', async t => {
  t.equal(caller('198.51.100.7:4000').network, '198.51.100.7')
  t.equal(caller('[2001:db8:7:ff00::1]:4000').network, '2001:db8:7:ff00::/56')
})

t.test('what is no address at all counts as the proxy that forwarded it', async t => {
  for (const ip of ['', 'unknown', '_hidden', 'evil.example', '198.51.100.7:4000:1', '1.2.3.4.5']) t.same(caller(ip), { address: '10.0.0.1', network: '10.0.0.1', requestId: 'one', toll: [] }, ip)
  t.equal(caller('unknown', 'no socket').network, 'unknown')
})
