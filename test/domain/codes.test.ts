import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { Challenge } from '../../src/domain/codes/challenge.ts'
import { createCodes } from '../../src/domain/codes/codes.ts'

const bound = { id: 'a challenge', purpose: 'login' } as const
const key = randomBytes(32)

/** A challenge with this code hash. */
const challengeWith = (codeHash: Uint8Array<ArrayBuffer>, id: string = bound.id): Challenge => ({
  ...bound,
  id,
  userId: 'ada',
  codeHash,
  codeExpiresAt: new Date(),
  resendAt: new Date(),
  attemptsLeft: 5,
  expiresAt: new Date(),
  consumedAt: null,
  newPhone: null,
  details: null,
  language: null,
  messageId: null,
  delivery: 'unknown',
  deliveryReason: null,
  providerMessageId: null
})

/** Pearson's chi-squared statistic for equal expected counts. It is about the number of counts. */
function chiSquare(counts: number[]) {
  const expected = counts.reduce((sum, count) => sum + count) / counts.length
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
}

t.test(
  'codes are uniform in every digit and in the last three digits, including leading zeros',
  async t => {
    const codes = createCodes(6, [key])
    const draws = Array.from({ length: 100_000 }, () => codes.draw(null))
    t.ok(draws.every(code => /^\d{6}$/.test(code)))
    // Uniform codes exceed either bound less than once in a thousand million runs.
    for (let position = 0; position < 6; position++) {
      const counts = Array<number>(10).fill(0)
      for (const code of draws) counts[Number(code[position])]! += 1
      t.ok(chiSquare(counts) < 65, `digit ${position + 1}`)
    }
    const counts = Array<number>(1000).fill(0)
    for (const code of draws) counts[Number(code.slice(3))]! += 1
    t.ok(chiSquare(counts) < 1300)
  }
)

t.test('a new code is never the previous one and any other code is equally likely', async t => {
  const codes = createCodes(1, [key])
  for (const before of ['0', '7']) {
    const previous = challengeWith(codes.hash(bound, before))
    const counts = new Map<string, number>()
    for (let i = 0; i < 9000; i++) {
      const code = codes.draw(previous)
      counts.set(code, (counts.get(code) ?? 0) + 1)
    }
    t.equal(counts.has(before), false)
    t.equal(counts.size, 9)
    t.ok(chiSquare([...counts.values()]) < 65)
  }
})

t.test('a new code differs from the previous one after the key has changed', async t => {
  const [oldKey, newKey] = [randomBytes(32), randomBytes(32)]
  const previous = challengeWith(createCodes(1, [oldKey]).hash(bound, '3'))
  const codes = createCodes(1, [newKey, oldKey])
  t.notOk(Array.from({ length: 500 }, () => codes.draw(previous)).includes('3'))
})

t.test('a code matches only its own digits, challenge, purpose and key', async t => {
  const codes = createCodes(6, [key])
  const codeHash = codes.hash(bound, '042137')
  t.equal(codeHash.length, 32)
  t.equal(codes.matches(challengeWith(codeHash), '042137'), true)
  t.equal(codes.matches(challengeWith(codeHash), '42137'), false)
  t.equal(codes.matches(challengeWith(codeHash), '042138'), false)
  t.equal(codes.matches(challengeWith(codeHash, 'another challenge'), '042137'), false)
  t.equal(
    codes.matches({ ...challengeWith(codeHash), purpose: 'confirmation' as 'login' }, '042137'),
    false
  )
  t.equal(createCodes(6, [randomBytes(32)]).matches(challengeWith(codeHash), '042137'), false)
})

t.test('the hash separates purpose, challenge and digits', async t => {
  const codes = createCodes(6, [key])
  const hashOf = (purpose: string, id: string, code: string) =>
    Buffer.from(codes.hash({ purpose: purpose as 'login', id }, code)).toString('hex')
  t.not(hashOf('login', 'a1', '23456'), hashOf('login', 'a', '123456'))
  t.not(hashOf('logina', '1', '23456'), hashOf('login', 'a1', '23456'))
})

t.test('every key verifies and only the first one hashes', async t => {
  const [first, second] = [randomBytes(32), randomBytes(32)]
  const both = createCodes(6, [first, second])
  t.equal(
    both.matches(challengeWith(createCodes(6, [second]).hash(bound, '123456')), '123456'),
    true
  )
  t.same(both.hash(bound, '123456'), createCodes(6, [first]).hash(bound, '123456'))
})
