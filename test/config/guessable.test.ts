import { randomBytes } from 'node:crypto'
import t from 'tap'
import { isGuessable } from '../../src/config/guessable.ts'

const bytesOf = (text: string) => Buffer.from(text, /^[0-9a-f]+$/i.test(text) ? 'hex' : 'base64url')

t.test('a secret that was not drawn at random is recognized', async t => {
  for (const text of [
    // Repetitions.
    '0123456789abcdef'.repeat(4),
    'deadbeef'.repeat(8),
    'aB3'.repeat(16),
    '00ff'.repeat(16),
    randomBytes(8).toString('hex').repeat(4),
    randomBytes(16).toString('hex').repeat(2),
    `${'a'.repeat(32)}${randomBytes(16).toString('hex')}`,
    // Sequences.
    '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
    '1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100',
    '00010203040506070809101112131415161718192021222324252627282930313233',
    '102030405060708090a0b0c0d0e0f000112131415161718191a1b1c1d1e1f101',
    '0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0',
    'aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffff0000000011111111',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
    'aAbBcCdDeEfFgGhHiIjJkKlLmMnNoOpPqQrRsStTuUvVwWxXyYzZ',
    // Typed text.
    'qwertyuiopasdfghjklzxcvbnmQWERTYUIOPASDFGHJKLZXCVBNM',
    '3141592653589793238462643383279502884197169399375105820974944592',
    'a1b2c3d4e5f60718293a4b5c6d7e8f901a2b3c4d5e6f70819a2b3c4d5e6f7081',
    'AKeyThatIHaveMadeUpForTheLoginServiceOfOurShop',
    'ILoveMyDogRexAndMyCatTomAndTheyLoveMeToo2024x',
    // Placeholders and encoded texts.
    'ChangemeChangemeChangemeChangemeChangemeChangeme',
    'Replace-Me-With-32-Random-Bytes-Of-Your-Own-Please',
    'ThisIsMyVerySecretKeyThatNobodyWillEverGuess1',
    Buffer.from('my super secret password of 32 ch').toString('base64url'),
    Buffer.from('The quick brown fox jumps over the lazy dog').toString('hex')
  ])
    t.ok(isGuessable(text, bytesOf(text)), text)
})

t.test('random bytes are accepted', async t => {
  for (let i = 0; i < 200; i++) {
    const bytes = randomBytes(32 + (i % 33))
    for (const encoding of ['hex', 'base64url', 'base64'] as const)
      t.notOk(isGuessable(bytes.toString(encoding), bytes), bytes.toString(encoding))
  }
})

t.test('random secrets with a few predictable digits are accepted', t => {
  for (const secret of [
    'b0e6c5685e3ce30867d7a04dd8b4fca57541eff7621e4c977cd2812381f32ec4',
    'nPassWq7Zr0xK2vTj5uYc8hLdQ3mEw9bGfRs1aVioN4'
  ])
    t.notOk(isGuessable(secret, bytesOf(secret)), secret)
  t.end()
})
