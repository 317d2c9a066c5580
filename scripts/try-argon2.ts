import argon2 from 'argon2'

// build-argon2.ts runs this in a separate process, because a binary for another CPU would crash.
// The environment selects the binary. Verifies the digest in the argument, or computes one. Prints
// the digest and the time of a verification as a line of JSON.

const password = 'correct horse battery staple'
const cost = { type: argon2.argon2id, memoryCost: 19456, timeCost: 2, parallelism: 1 } as const
const [digestArgument] = process.argv.slice(2)

/** The test vector of RFC 9106, 5.3. */
const testVector = await argon2.hash(Buffer.alloc(32, 1), {
  type: argon2.argon2id,
  memoryCost: 32,
  timeCost: 3,
  parallelism: 4,
  hashLength: 32,
  salt: Buffer.alloc(16, 2),
  secret: Buffer.alloc(8, 3),
  associatedData: Buffer.alloc(12, 4),
  raw: true
})
if (
  testVector.toString('hex') !== '0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659'
)
  throw new Error('it does not compute the argon2id test vector of RFC 9106')

const digest = digestArgument ?? (await argon2.hash(password, cost))
if (!(await argon2.verify(digest, password)) || (await argon2.verify(digest, 'another')))
  throw new Error('it disagrees with the other binary about a password')

const started = performance.now()
for (let i = 0; i < 20; i++) await argon2.verify(digest, password)
console.log(JSON.stringify({ digest, ms: (performance.now() - started) / 20 }))
