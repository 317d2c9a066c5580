import t from 'tap'
import { claimsError, issuableClaims } from '../../src/domain/users/claims.ts'
import { readText } from '../support/documents.ts'

/** Returns objects nested `levels` deep. */
const nested = (levels: number): object => (levels === 1 ? {} : { in: nested(levels - 1) })

t.test('shape', async t => {
  t.test('claims may be any JSON object of at most 2048 bytes', async t => {
    for (const claims of [
      {},
      { roles: ['admin', 'reader'], groups: [], entitlements: ['billing:write'] },
      { scope: 'orders:read orders:write' },
      { 'https://example.com/tenant': { id: 42, trial: false, owner: null, rates: [0.25, -1] } },
      { name: 'Ada 🐫', email_verified: true, phone_number: '+12025550143' },
      { constructor: 'Babbage', toString: 1, hasOwnProperty: [] },
      { limit: Number.MAX_SAFE_INTEGER, ratio: 5e-324, zero: -0 },
      { text: 'x'.repeat(2048 - '{"text":""}'.length) },
      { text: 'ä'.repeat((2048 - '{"text":""}'.length - 1) / 2) },
      nested(8)
    ])
      t.equal(claimsError(claims), undefined, JSON.stringify(claims).slice(0, 60))
  })

  t.test('a value that is not an object is refused', async t => {
    for (const value of [undefined, null, true, 1, 'roles', [], [{}], new Date(), () => ({})])
      t.equal(claimsError(value), 'The claims must be a JSON object.', String(value))
  })

  t.test('more than 2048 bytes of UTF-8 are refused', async t => {
    const most = 2048 - '{"text":""}'.length
    for (const text of ['x'.repeat(most + 1), 'ä'.repeat(most / 2 + 1), '"'.repeat(most / 2 + 1)])
      t.match(claimsError({ text }), /^The claims must have at most 2048 bytes; these have \d+\.$/)
  })

  t.test('more than eight levels of nesting are refused at any depth', async t => {
    const cyclic: Record<string, unknown> = {}
    cyclic['self'] = cyclic
    for (const claims of [nested(9), { in: JSON.parse('['.repeat(8) + ']'.repeat(8)) }, cyclic])
      t.match(
        claimsError(claims),
        /^The claim "\w+" is nested too deeply: claims may have 8 levels\.$/
      )
    const deep = JSON.parse(`{"in":${'['.repeat(5000)}${']'.repeat(5000)}}`)
    t.match(claimsError(deep), /^The claim "in" is nested too deeply/)
  })
})

t.test('values', async t => {
  t.test('a number that JSON or JavaScript would change is refused', async t => {
    for (const json of ['1e400', '-1e400', '9007199254740993', '1e16', '[[-9007199254740992]]'])
      t.match(
        claimsError({ limit: JSON.parse(json) }),
        /^The claim "limit" has a number that JSON parsers round; write it as a string\.$/,
        json
      )
    t.match(claimsError({ limit: Number.NaN }), /"limit"/)
  })

  t.test('with the text, a fraction that parsing has rounded is refused too', async t => {
    const errorOf = (json: string) => claimsError(JSON.parse(json), json)
    t.match(errorOf('{"a":1,"rate":[0.12345678901234567890]}'), /^The claim "rate" has a number/)
    t.equal(errorOf('{"rate":0.1,"price":250.00,"half":5e-1}'), undefined)
  })

  t.test('text that PostgreSQL cannot store is refused, in names and in values', async t => {
    for (const text of ['half a character: \ud83d', 'a\0b'])
      for (const claims of [{ team: text }, { team: [{ [text]: 1 }] }, { [text]: 1 }])
        t.match(claimsError(claims), /has text with a lone surrogate or NUL\.$/, text)
  })

  t.test('a key that could change a prototype is refused at any depth', async t => {
    t.equal(claimsError(JSON.parse('{"__proto__":{}}')), 'The claim "__proto__" is not allowed.')
    t.match(
      claimsError(JSON.parse('{"a":[{"__proto__":1}]}')),
      /"a" must not contain the key "__proto__"/
    )
    t.match(
      claimsError(JSON.parse('{"constructor":{"prototype":{}}}')),
      /must not contain the key "prototype"/
    )
  })

  t.test('a value that JSON cannot represent is refused', async t => {
    for (const value of [undefined, 1n, () => 1, Symbol('x'), new Date(), new Map()])
      t.match(claimsError({ value }), /^The claim "value" is not JSON\.$/, String(value))
  })

  t.test('roles, groups and entitlements must be lists of strings', async t => {
    for (const name of ['roles', 'groups', 'entitlements', 'Roles'])
      for (const value of ['admin', null, {}, [1], ['admin', null], [['admin']], [{ value: 'a' }]])
        t.equal(
          claimsError({ [name]: value }),
          `The claim "${name}" must be a list of strings.`,
          JSON.stringify(value)
        )
  })

  t.test('scope must be a string of tokens with single spaces between them', async t => {
    for (const value of [['read'], null, '', ' read', 'read  write', 'read\twrite', 'r"w', 'é'])
      t.match(claimsError({ scope: value }), /^The claim "scope" must be/, JSON.stringify(value))
  })
})

const reserved = {
  'access tokens have it already': 'iss sub aud exp iat jti client_id auth_time amr sid'.split(' '),
  'services that verify tokens interpret it': (
    'nbf acr azp nonce at_hash c_hash s_hash sub_jwk sub_id cnf act may_act events typ vot vtm ' +
    'token_introspection _claim_names _claim_sources'
  ).split(' ')
}

t.test('names', async t => {
  t.test('a reserved name is refused with the name and the reason', async t => {
    for (const [reason, names] of Object.entries(reserved))
      for (const name of names)
        t.equal(
          claimsError({ roles: [], [name]: 'x' }),
          `The claim "${name}" is reserved: ${reason}.`
        )
  })

  t.test('docs/claims.md lists every reserved name', async t => {
    const [, list = ''] = /^These names are reserved[^]*?\n\n(- [^]*?)\n\n/m.exec(
      readText('docs/claims.md')
    ) ?? ['', '']
    const listed = [...list.matchAll(/`(\w+)`/g)].map(([, name]) => name)
    t.same(listed.sort(), Object.values(reserved).flat().sort())
  })

  // Go's encoding/json matches names to struct fields by Unicode simple case folding.
  t.test('a name that some parsers match to a reserved name is refused', async t => {
    for (const name of ['SUB', 'Iss', '\u017fub', 'Client_ID', 'to\u212aen_introspection'])
      t.match(claimsError({ [name]: 'x' }), / is reserved: /, name)
    t.equal(claimsError({ ' sub': 'x', subject: 'x', sub_: 'x' }), undefined)
  })

  t.test('reserved names inside a claim are allowed', async t => {
    t.equal(claimsError({ 'https://example.com/delegate': { sub: 'x', exp: 1 } }), undefined)
  })
})

t.test('stored claims that break the rules are not issued', async t => {
  const names = [...Object.values(reserved).flat(), 'SUB', 'roles', 'groups', 'entitlements']
  const stored = Object.fromEntries([...names, 'tenant'].map(name => [name, 'x']))
  t.same(issuableClaims({ ...stored, scope: ['x'] }), { tenant: 'x' })
  for (const value of [null, 'roles', 1, ['roles'], undefined])
    t.same(issuableClaims(value), {}, JSON.stringify(value))
  const own = issuableClaims(JSON.parse('{"__proto__":{"sub":"x"},"tenant":1}'))
  t.same(own, { tenant: 1 })
  t.equal(Object.getPrototypeOf(own), Object.prototype)
})
