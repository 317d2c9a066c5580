import argon2 from 'argon2'
import t, { type Test } from 'tap'
import { ada, slugOf, startApp } from '../support/start-app.ts'

/** Starts the service with users who cannot log in, and returns logins that must fail. */
async function startWithFailingLogins(t: Test) {
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
  const logins: Record<string, { username: string; password: string }> = {
    'an unknown user': { username: 'nobody', password },
    'an invalid username': { username: "' OR 1=1 --", password },
    'a wrong password': { ...ada, password },
    'a disabled user with the correct password': { username: 'disabled', password },
    'a disabled user with a wrong password': { username: 'disabled', password: 'wrong' },
    'a user without a phone, with the correct password': { username: 'phoneless', password },
    'an empty digest': { username: 'empty', password },
    'an unreadable digest': { username: 'garbage', password },
    'an invalid bcrypt digest': { username: 'bcrypt', password },
    'an unsupported scrypt digest': { username: 'scrypt', password }
  }
  return { ...service, logins }
}

t.test('all failed logins have the same response', async t => {
  const { login, logins, twilio } = await startWithFailingLogins(t)
  const distinct = new Map<string, string>()
  for (const [name, credentials] of Object.entries(logins)) {
    const response = await login(credentials)
    t.equal(slugOf(response), 'invalid-credentials', name)
    const { date, 'x-request-id': _id, ...headers } = response.headers
    distinct.set(
      JSON.stringify([
        response.statusCode,
        headers,
        response.body.replace(response.json().instance, '')
      ]),
      name
    )
  }
  t.equal(distinct.size, 1, [...distinct.values()].join(', '))
  t.equal(twilio.requests.length, 0, 'no message is sent')
})

t.test('every failed login costs one hash with the same parameters', async t => {
  const { login, logins } = await startWithFailingLogins(t)
  const { verify, hash } = argon2
  t.teardown(() => Object.assign(argon2, { verify, hash }))
  let hashes: string[] = []
  argon2.verify = async (digest, password) => {
    const isCorrect = await verify(digest, password)
    // A digest in the wrong format is rejected without hashing, which does not count.
    if (/^\$argon2(id|i|d)\$/.test(digest)) hashes.push(digest.split('$')[3] ?? '')
    return isCorrect
  }
  argon2.hash = async () => {
    throw new Error('no password is rehashed')
  }
  for (const [name, credentials] of Object.entries(logins)) {
    hashes = []
    await login(credentials)
    t.same(hashes, ['m=1024,t=1,p=1'], name)
  }
})

t.test('every failed login costs one SQL statement', async t => {
  const { login, logins, prisma } = await startWithFailingLogins(t)
  const statements: string[] = []
  const raw = prisma.$queryRaw.bind(prisma)
  prisma.$queryRaw = ((...args: Parameters<typeof raw>) => {
    statements.push('query')
    return raw(...args)
  }) as typeof prisma.$queryRaw
  for (const [name, credentials] of Object.entries(logins)) {
    statements.length = 0
    await login(credentials)
    t.same(statements, ['query'], name)
  }
})

for (const [scope, limits] of Object.entries({
  'of its network': { messagesPerNetworkHour: 1 },
  'in total': { messagesPerHour: 1 }
})) {
  t.test(
    `with the message limit ${scope} exhausted, a correct password looks like a wrong one`,
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
      const responses = []
      for (const credentials of [
        grace,
        { ...grace, password: 'wrong' },
        { ...grace, username: 'nobody' },
        ada
      ])
        responses.push(await login(credentials))
      for (const response of responses) {
        t.match(response.json(), { status: 429, type: /too-many-texts$/, retryAfter: 3600 })
        const { date, 'x-request-id': _id, ...headers } = response.headers
        const { date: _, 'x-request-id': _other, ...expected } = responses[0]?.headers ?? {}
        t.same(headers, expected)
        t.same({ ...response.json(), instance: '' }, { ...responses[0]?.json(), instance: '' })
      }
      t.equal(twilio.messages.length, 1)
    }
  )
}

t.test(
  'with the message limit of a country exhausted, unknown usernames look like known ones',
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
