import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  existingLocalSecret,
  localSecret,
  localSigningKey
} from '../../src/adapters/secrets/local-keys.ts'

t.test('keys are created once and no other file is left in the folder', async t => {
  const folder = join(t.testdir(), 'made', 'here')
  const secret = localSecret(folder)
  const key = localSigningKey(folder)
  t.equal(secret.length, 32)
  t.same(localSecret(folder), secret)
  t.ok(localSigningKey(folder).equals(key))
  t.same(readdirSync(folder).sort(), ['jwt-private-key.pem', 'secret'])
})

t.test('a secret that must exist is read and never created', async t => {
  const folder = join(t.testdir(), 'data')
  t.equal(existingLocalSecret(folder), undefined)
  t.notOk(existsSync(folder))
  t.same(localSecret(folder), existingLocalSecret(folder))
})

t.test('a temporary file left by a crash is ignored', async t => {
  const folder = t.testdir({ 'secret.0123456789abcdef': 'half of a' })
  t.equal(localSecret(folder).length, 32)
  t.equal(localSecret(folder).toString('hex'), readFileSync(join(folder, 'secret'), 'utf8').trim())
})

t.test('damaged keys are neither used nor replaced', async t => {
  for (const text of ['', 'ab', 'not hex '.repeat(8)]) {
    const folder = t.testdir({ secret: text, 'jwt-private-key.pem': text })
    for (const read of [localSecret, existingLocalSecret])
      t.throws(() => read(folder), { message: /secret is damaged/ })
    t.throws(() => localSigningKey(folder), { message: /jwt-private-key\.pem is damaged/ })
  }
})
