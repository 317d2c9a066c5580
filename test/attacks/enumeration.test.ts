import argon2 from 'argon2'
import t, { type Test } from 'tap'
import { ada, slugOf, start } from '../support/start.ts'

/** Everybody who must not get in, each with the password that is theirs if they have one. */
async function strangers (t: Test) {
  const service = await start(t)
  const { addUser, users, prisma } = service
  const password = 'correct zebra staple'
  await addUser({ username: 'disabled', password, phone: '+12025550144' })
  await users.change('disabled', { disabled: true })
  await addUser({ username: 'phoneless', password, phone: null })
  for (const [username, passwordDigest] of Object.entries({ empty: '', garbage: 'garbage', bcrypt: '$2b$12$abcdefghijklmnopqrstuv', scrypt: '$scrypt$ln=16,r=8,p=1$c2FsdA$aGFzaA' })) {
    await prisma.user.create({ data: { username, usernameKey: username, passwordDigest, phone: '+12025550145' } })
  }
  const tries: Record<string, { username: string, password: string }> = {
    'an unknown person': { username: 'nobody', password },
    'a name nobody can have': { username: "' OR 1=1 --", password },
    'a wrong password': { ...ada, password },
    'a disabled person with the right password': { username: 'disabled', password },
    'a disabled person with a wrong password': { username: 'disabled', password: 'wrong' },
    'a person without a phone, with the right password': { username: 'phoneless', password },
    'an empty digest': { username: 'empty', password },
    'a digest that is garbage': { username: 'garbage', password },
    'a digest of bcrypt': { username: 'bcrypt', password },
    'a digest of scrypt': { username: 'scrypt', password }
  }
  return { ...service, tries }
}

t.test('who may not log in learns nothing from the answer about why', async t => {
  const { login, tries, twilio } = await strangers(t)
  const told = new Map<string, string>()
  for (const [who, credentials] of Object.entries(tries)) {
    const answer = await login(credentials)
    t.equal(slugOf(answer), 'invalid-credentials', who)
    const { date, ...headers } = answer.headers
    told.set(JSON.stringify([answer.statusCode, headers, answer.body.replace(answer.json().instance, '')]), who)
  }
  t.equal(told.size, 1, [...told.values()].join(', '))
  t.equal(twilio.requests.length, 0, 'nor from a phone')
})

t.test('whoever asks, it costs the service one hash at the same price', async t => {
  const { login, tries } = await strangers(t)
  const { verify, hash } = argon2
  t.teardown(() => Object.assign(argon2, { verify, hash }))
  let hashes: string[] = []
  argon2.verify = async (digest, password) => {
    const right = await verify(digest, password)
    // One that stops at the form of the digest, by an error or by a no, has hashed nothing.
    if (/^\$argon2(id|i|d)\$/.test(digest)) hashes.push(digest.split('$')[3] ?? '')
    return right
  }
  argon2.hash = async () => { throw new Error('nothing is hashed anew for them') }
  for (const [who, credentials] of Object.entries(tries)) {
    hashes = []
    await login(credentials)
    t.same(hashes, ['m=1024,t=1,p=1'], who)
  }
})

t.test('whoever asks, it costs the service one question to the database', async t => {
  const { login, tries, prisma } = await strangers(t)
  const statements: string[] = []
  const raw = prisma.$queryRaw.bind(prisma)
  prisma.$queryRaw = ((...args: Parameters<typeof raw>) => { statements.push('query'); return raw(...args) }) as typeof prisma.$queryRaw
  for (const [who, credentials] of Object.entries(tries)) {
    statements.length = 0
    await login(credentials)
    t.same(statements, ['query'], who)
  }
})

t.test('a challenge token tells nobody whose login it is', async t => {
  const { addUser, challenge } = await start(t)
  await addUser({ username: 'grace', password: 'correct zebra staple', phone: '+12025550144' })
  const tokens = [await challenge(), await challenge({ username: 'grace', password: 'correct zebra staple', phone: '+12025550144' })]
  const shapes = tokens.map(({ challengeToken }) => challengeToken.split('.').map(part => part.length))
  t.same(shapes[0], shapes[1])
})
