import argon2 from 'argon2'
import t, { type Test } from 'tap'
import { ada, slugOf, startApp } from '../support/start-app.ts'

/** Everybody who must not get in, each with the password that is theirs if they have one. */
async function strangers(t: Test) {
  const service = await startApp(t)
  const { addUser, users, prisma } = service
  const password = 'correct zebra staple'
  await addUser({ username: 'disabled', password, phone: '+12025550144' })
  await users.change({ username: 'disabled' }, { disabled: true }, new Date())
  await addUser({ username: 'phoneless', password, phone: null })
  for (const [username, passwordDigest] of Object.entries({
    empty: '',
    garbage: 'garbage',
    bcrypt: '$2b$12$abcdefghijklmnopqrstuv',
    scrypt: '$scrypt$ln=16,r=8,p=1$c2FsdA$aGFzaA'
  })) {
    await prisma.user.create({
      data: { username, usernameKey: username, passwordDigest, phone: '+12025550145' }
    })
  }
  const tries: Record<string, { username: string; password: string }> = {
    'an unknown user': { username: 'nobody', password },
    'an impossible username': { username: "' OR 1=1 --", password },
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

t.test('all failed logins have the same response', async t => {
  const { login, tries, twilio } = await strangers(t)
  const told = new Map<string, string>()
  for (const [who, credentials] of Object.entries(tries)) {
    const answer = await login(credentials)
    t.equal(slugOf(answer), 'invalid-credentials', who)
    const { date, ...headers } = answer.headers
    told.set(
      JSON.stringify([answer.statusCode, headers, answer.body.replace(answer.json().instance, '')]),
      who
    )
  }
  t.equal(told.size, 1, [...told.values()].join(', '))
  t.equal(twilio.requests.length, 0, 'nor from a phone')
})

t.test('every login costs one hash at the same price', async t => {
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
  argon2.hash = async () => {
    throw new Error('nothing is hashed anew for them')
  }
  for (const [who, credentials] of Object.entries(tries)) {
    hashes = []
    await login(credentials)
    t.same(hashes, ['m=1024,t=1,p=1'], who)
  }
})

t.test('every login costs one database statement', async t => {
  const { login, tries, prisma } = await strangers(t)
  const statements: string[] = []
  const raw = prisma.$queryRaw.bind(prisma)
  prisma.$queryRaw = ((...args: Parameters<typeof raw>) => {
    statements.push('query')
    return raw(...args)
  }) as typeof prisma.$queryRaw
  for (const [who, credentials] of Object.entries(tries)) {
    statements.length = 0
    await login(credentials)
    t.same(statements, ['query'], who)
  }
})

for (const [what, limits] of Object.entries({
  'of its network': { messagesPerNetworkHour: 1 },
  'in total': { messagesPerHour: 1 }
})) {
  t.test(
    `with the message limit ${what} reached, a correct password looks like a wrong one`,
    async t => {
      const { login, addUser, twilio } = await startApp(t, { limits })
      const grace = { username: 'grace', password: 'correct zebra staple' }
      await addUser({ ...grace, phone: '+12025550144' })
      t.equal((await login()).statusCode, 200)
      const { verify } = argon2
      t.teardown(() => Object.assign(argon2, { verify }))
      argon2.verify = async () => {
        throw new Error('no password is compared')
      }
      const answers = []
      for (const who of [
        grace,
        { ...grace, password: 'wrong' },
        { ...grace, username: 'nobody' },
        ada
      ])
        answers.push(await login(who))
      for (const answer of answers) {
        t.match(answer.json(), { status: 429, type: /too-many-texts$/, retryAfter: 3600 })
        const { date, ...headers } = answer.headers
        const { date: _, ...expected } = answers[0]?.headers ?? {}
        t.same(headers, expected)
        t.same({ ...answer.json(), instance: '' }, { ...answers[0]?.json(), instance: '' })
      }
      t.equal(twilio.texts.length, 1)
    }
  )
}

t.test(
  'with the message limit of a country reached, unknown usernames look like known ones',
  async t => {
    const { login, addUser } = await startApp(t, { limits: { messagesPerCountryHour: 1 } })
    await addUser({ username: 'grace', password: 'correct zebra staple', phone: '+12025550144' })
    t.equal((await login()).statusCode, 200)
    for (const username of ['grace', 'nobody'])
      t.equal(slugOf(await login({ username, password: 'wrong' })), 'invalid-credentials')
  }
)

t.test('a challenge token does not reveal its user', async t => {
  const { addUser, loginAndReadCode } = await startApp(t)
  await addUser({ username: 'grace', password: 'correct zebra staple', phone: '+12025550144' })
  const tokens = [
    await loginAndReadCode(),
    await loginAndReadCode({
      username: 'grace',
      password: 'correct zebra staple',
      phone: '+12025550144'
    })
  ]
  const shapes = tokens.map(({ challengeToken }) =>
    challengeToken.split('.').map(part => part.length)
  )
  t.same(shapes[0], shapes[1])
})
