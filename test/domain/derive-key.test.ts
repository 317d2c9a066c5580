import { createHmac } from 'node:crypto'
import t from 'tap'
import { deriveKey } from '../../src/domain/derive-key.ts'

const secret = Buffer.alloc(32, 1)

t.test('a key matches RFC 5869', async t => {
  // HKDF-Extract with an empty salt, then HKDF-Expand to one block.
  const extracted = createHmac('sha256', Buffer.alloc(32)).update(secret).digest()
  const expanded = createHmac('sha256', extracted)
    .update('sms-login/code')
    .update(Buffer.from([1]))
    .digest()
  t.same(deriveKey(secret, 'code'), expanded)
})

t.test('every secret and every purpose gives a different key', async t => {
  const keys = [
    deriveKey(secret, 'code'),
    deriveKey(secret, 'challenge-token'),
    deriveKey(Buffer.alloc(32, 2), 'code')
  ]
  t.equal(new Set(keys.map(key => key.toString('hex'))).size, 3)
  t.ok(keys.every(key => key.length === 32))
  t.same(deriveKey(secret, 'code'), keys[0], 'the key is deterministic')
})
