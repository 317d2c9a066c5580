import fc from 'fast-check'
import t from 'tap'
import { requestContext } from '../../src/http/requests/request-context.ts'

type RequestLike = Parameters<typeof requestContext>[0]
const context = (ip: string, remoteAddress: string | undefined = '10.0.0.1', headers = {}) =>
  requestContext({ ip, id: 'one', raw: {}, socket: { remoteAddress }, headers } as RequestLike)
/** The context without its request limit, which is a function. */
const withoutLimit = ({ requestLimit: _requestLimit, ...rest }: ReturnType<typeof context>) => rest

t.test('rate limits are keyed by an IPv4 address, or by the /56 of an IPv6 address', async t => {
  t.same(withoutLimit(context('198.51.100.7')), {
    address: '198.51.100.7',
    network: '198.51.100.7',
    widerNetworks: [],
    requestId: 'one',
    userId: null,
    languages: ['*']
  })
  t.equal(context('::ffff:198.51.100.7').network, '198.51.100.7')
  for (const ip of [
    '2001:db8:7:ff00::1',
    '2001:0DB8:7:ffaa:1::',
    '2001:db8:7:ff01:ffff:ffff:ffff:ffff%eth0'
  ])
    t.equal(context(ip).network, '2001:db8:7:ff00::/56', ip)
  t.equal(context('2001:db8:7:fe00::1').network, '2001:db8:7:fe00::/56')
})

t.test('an IPv6 address also counts for its /48 and /32, whose limits are higher', async t => {
  t.same(context('2001:db8:7:ff00::1').widerNetworks, [
    { network: '2001:db8:7::/48', times: 4 },
    { network: '2001:db8::/32', times: 64 }
  ])
  t.same(context('::ffff:198.51.100.7').widerNetworks, [])
})

const addressIn: Record<string, string> = {
  '198.51.100.7:4000': '198.51.100.7',
  '[198.51.100.7]:4000': '198.51.100.7',
  '"198.51.100.7:4000"': '198.51.100.7',
  '[2001:db8:7:ff00::1]': '2001:db8:7:ff00::1',
  '"[2001:db8:7:ff00::1]:4000"': '2001:db8:7:ff00::1',
  'fe80::1%eth0': 'fe80::1',
  'fe80::1%eth-0': 'fe80::1',
  'fe80::1%br-lan.7': 'fe80::1',
  '[fe80::1%25eth0]:4000': 'fe80::1',
  '::ffff:198.51.100.7': '::ffff:198.51.100.7',
  '::ffff:198.51.100.7:4000': '::ffff:198.51.100.7',
  '[::ffff:198.51.100.7]:4000': '::ffff:198.51.100.7',
  '[::ffff:c633:6407]:4000': '::ffff:c633:6407'
}

t.test('a port, brackets, quotes or a zone added by a proxy do not change the address', async t => {
  t.equal(context('198.51.100.7:4000').network, '198.51.100.7')
  t.equal(context('[2001:db8:7:ff00::1]:4000').network, '2001:db8:7:ff00::/56')
  for (const [forwarded, address] of Object.entries(addressIn)) {
    t.equal(context(forwarded).address, address, forwarded)
    t.equal(context(forwarded).network, context(address).network, forwarded)
  }
})

t.test('an invalid forwarded address counts as the address of the proxy', async t => {
  for (const ip of [
    '',
    'unknown',
    '_hidden',
    'evil.example',
    '198.51.100.7:4000:1',
    '1.2.3.4.5',
    '0x7f.1',
    '010.0.0.1',
    '[198.51.100.7',
    '198.51.100.7:port',
    '198.51.100.7%eth0',
    '::1%',
    '1'.repeat(10_000)
  ])
    t.same(
      withoutLimit(context(ip)),
      {
        address: '10.0.0.1',
        network: '10.0.0.1',
        widerNetworks: [],
        requestId: 'one',
        userId: null,
        languages: ['*']
      },
      ip
    )
  t.equal(context('unknown', 'no socket').network, 'unknown')
})

const languages = (header: string) =>
  context('198.51.100.7', undefined, { 'accept-language': header }).languages

t.test('languages are listed by weight, without those of weight 0', async t => {
  t.same(languages('fr;q=0.5, de, pt-BR;q=0.9, en;q=0'), ['de', 'pt-BR', 'fr'])
  t.same(languages(''), [])
})

t.test('only the start of an overlong Accept-Language is read', async t => {
  t.equal(languages('x,'.repeat(4000)).length, 128)
})

t.test('any Accept-Language can be parsed', async t => {
  const anyHeader = fc.property(fc.string({ maxLength: 200 }), header => {
    languages(header)
  })
  t.doesNotThrow(() => fc.assert(anyHeader))
})
