import fc from 'fast-check'
import t from 'tap'
import { callerOf } from '../../src/http/caller-of.ts'

type Asked = Parameters<typeof callerOf>[0]
const caller = (ip: string, remoteAddress: string | undefined = '10.0.0.1', headers = {}) => callerOf({ ip, id: 'one', socket: { remoteAddress }, headers } as Asked)

t.test('budgets are charged to an IPv4 address, or to the /56 of an IPv6 one', async t => {
  t.same(caller('198.51.100.7'), { address: '198.51.100.7', network: '198.51.100.7', requestId: 'one', languages: ['*'], toll: [] })
  t.equal(caller('::ffff:198.51.100.7').network, '198.51.100.7')
  for (const ip of ['2001:db8:7:ff00::1', '2001:0DB8:7:ffaa:1::', '2001:db8:7:ff01:ffff:ffff:ffff:ffff%eth0']) t.equal(caller(ip).network, '2001:db8:7:ff00::/56', ip)
  t.equal(caller('2001:db8:7:fe00::1').network, '2001:db8:7:fe00::/56')
})

t.test('a port that a gateway has appended makes no new address', async t => {
  t.equal(caller('198.51.100.7:4000').network, '198.51.100.7')
  t.equal(caller('[2001:db8:7:ff00::1]:4000').network, '2001:db8:7:ff00::/56')
})

t.test('what is no address at all counts as the proxy that forwarded it', async t => {
  for (const ip of ['', 'unknown', '_hidden', 'evil.example', '198.51.100.7:4000:1', '1.2.3.4.5', '0x7f.1', '010.0.0.1', '::1%eth-0']) t.same(caller(ip), { address: '10.0.0.1', network: '10.0.0.1', requestId: 'one', languages: ['*'], toll: [] }, ip)
  t.equal(caller('unknown', 'no socket').network, 'unknown')
})

t.test('languages come in the order of their weight, those that are refused not at all, and from the beginning of the header only', async t => {
  const languages = (header: string) => caller('198.51.100.7', undefined, { 'accept-language': header }).languages
  t.same(languages('fr;q=0.5, de, pt-BR;q=0.9, en;q=0'), ['de', 'pt-BR', 'fr'])
  t.same(languages(''), [])
  t.equal(languages('x,'.repeat(4000)).length, 128)
  fc.assert(fc.property(fc.string({ maxLength: 200 }), header => { languages(header) }))
  t.pass()
})
