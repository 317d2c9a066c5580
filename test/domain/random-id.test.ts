import t from 'tap'
import { randomId } from '../../src/domain/random-id.ts'

t.test('random ids have 128 random bits and never repeat', async t => {
  const ids = Array.from({ length: 10_000 }, randomId)
  t.equal(new Set(ids).size, ids.length)
  t.ok(ids.every(id => /^[\w-]{22}$/.test(id)))
  // Every bit varies, so all 128 bits are random.
  const bytes = ids.map(id => Buffer.from(id, 'base64url'))
  for (let bit = 0; bit < 128; bit++)
    t.equal(new Set(bytes.map(id => ((id[bit >> 3] ?? 0) >> (bit & 7)) & 1)).size, 2, `bit ${bit}`)
})
