import t from 'tap'
import { serverUrl } from '../support/database.ts'
import { ada, defaultLimits, slugOf, start } from '../support/start.ts'

const limits = { passwordFailures: defaultLimits.passwordFailures }
const wrong = { ...ada, password: 'not the password' }
const stranger = { username: 'nobody-of-that-name', password: 'not the password' }
const address = (n: number) => `198.51.${n >> 8 & 255}.${n & 255}`

t.test('after ten wrong passwords an address is refused at that name for fifteen minutes, whatever the password; other names and addresses are not', async t => {
  const { login, wait, addUser, twilio } = await start(t, { limits })
  await addUser({ username: 'grace', password: 'anchors aweigh', phone: '+12025550144' })
  for (let i = 0; i < 10; i++) t.equal(slugOf(await login(wrong)), 'invalid-credentials')
  const refused = await login()
  t.match(refused.json(), { status: 429, reason: 'passwords', retryAfter: 900 })
  t.equal(slugOf(refused), 'too-many-attempts')
  t.equal(refused.headers['retry-after'], '900')
  t.equal(twilio.texts.length, 0)
  t.equal((await login({ username: 'grace', password: 'anchors aweigh' })).statusCode, 200)
  t.equal((await login(ada, '198.51.100.7')).statusCode, 200, 'the owner, elsewhere')
  wait(899)
  t.match((await login()).json(), { status: 429, retryAfter: 1 })
  wait(1)
  t.equal((await login()).statusCode, 200)
})

t.test('an unknown name is counted and refused like a known one', async t => {
  const { login } = await start(t, { limits })
  const tries = async (who: { username: string, password: string }) => {
    const answers = []
    for (let i = 0; i < 12; i++) answers.push(await login(who))
    return answers.map(answer => ({ status: answer.statusCode, ...answer.json(), instance: '', headers: { ...answer.headers, date: '', 'content-length': '' } }))
  }
  t.same(await tries(stranger), await tries(wrong))
})

t.test('a right password gives the tries back', async t => {
  const { login, wait } = await start(t, { limits })
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 9; i++) t.equal(slugOf(await login(wrong)), 'invalid-credentials')
    t.equal((await login()).statusCode, 200)
    wait(31)
  }
})

t.test('of fifty wrong passwords at once no more are tried than there are tries', async t => {
  const { login } = await start(t, { limits })
  const answers = await Promise.all(Array.from({ length: 50 }, () => login(wrong)))
  t.equal(answers.filter(answer => slugOf(answer) === 'invalid-credentials').length, 10)
  t.equal(answers.filter(answer => slugOf(answer) === 'too-many-attempts').length, 40)
})

t.test('one address has a hundred tries over all names; thousands of logins over two hundred names are no more, and text nobody', async t => {
  const { login, twilio } = await start(t, { limits })
  let tried = 0
  // As many as are worth the time: on the embedded database each takes longer.
  for (let n = 0; n < (serverUrl === undefined ? 400 : 10_000); n++) {
    if (slugOf(await login({ username: n % 200 === 0 ? ada.username : `name-${n % 200}`, password: 'not the password' }, '198.51.100.7')) === 'invalid-credentials') tried++
  }
  t.equal(tried, 100)
  t.equal(twilio.texts.length, 0)
})

t.test('the addresses of one IPv6 customer are one address', async t => {
  const { login } = await start(t, { limits })
  const answers = []
  for (let i = 0; i < 12; i++) answers.push(slugOf(await login(wrong, `2001:db8:7:ff0${i.toString(16)}::${i}`)))
  t.same(answers, [...Array.from({ length: 10 }, () => 'invalid-credentials'), 'too-many-attempts', 'too-many-attempts'])
  t.equal(slugOf(await login(wrong, '2001:db8:7:fe00::1')), 'invalid-credentials')
})

t.test('when hundreds of addresses try one name, each is left three tries in ever longer windows, and the owner always gets in', async t => {
  const { login, wait } = await start(t, { limits })
  let tried = 0
  for (let n = 0; n < 200; n++) if (slugOf(await login(wrong, address(n))) === 'invalid-credentials') tried++
  t.equal(tried, 200, 'the first try of an address is never refused')

  // Twice the hundred that are nothing special: the windows are twice as long.
  for (let i = 0; i < 2; i++) t.equal(slugOf(await login(wrong, address(199))), 'invalid-credentials')
  t.match((await login(wrong, address(199))).json(), { status: 429, reason: 'passwords', retryAfter: 1800 })
  t.equal(slugOf(await login(wrong, '203.0.113.9')), 'invalid-credentials', 'the owner mistypes')
  t.equal((await login(ada, '203.0.113.9')).statusCode, 200, 'and gets in')
  wait(1800)
  t.equal(slugOf(await login(wrong, address(199))), 'invalid-credentials')
})

t.test('wrong passwords sent at once from two hundred addresses are each counted against the name', async t => {
  const { login, budgets, clock } = await start(t, { limits, argon2: { queue: 200 } })
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => login(wrong, address(n))))
  const tried = answers.filter(answer => slugOf(answer) === 'invalid-credentials').length
  t.equal(tried, 200)
  const name = { budget: 'password.name', of: { username: 'ada' }, limit: 2 ** 31 - 1, seconds: 86_400 }
  t.match(await budgets.spend([name], clock()), { spent: [201] }, 'and one for asking')
})

t.test('the operator can give all tries back', async t => {
  const { login, users, budgets, wait } = await start(t, { limits })
  for (let i = 0; i < 11; i++) await login(wrong)
  t.equal(slugOf(await login()), 'too-many-attempts')
  await users.unlock(ada.username)
  await budgets.clear(['password.here', 'password.name', 'password.slow'], { username: 'ada' })
  wait(61) // A refusal is remembered for a minute.
  t.equal((await login()).statusCode, 200)
})

t.test('a try that was never compared is given back', async t => {
  const { login, database } = await start(t, { limits })
  await database.prisma.$executeRaw`ALTER TABLE users RENAME TO users_elsewhere`
  t.teardown(() => database.prisma.$executeRaw`ALTER TABLE IF EXISTS users_elsewhere RENAME TO users`)
  for (let i = 0; i < 12; i++) t.equal((await login(wrong)).statusCode, 500)
  await database.prisma.$executeRaw`ALTER TABLE users_elsewhere RENAME TO users`
  for (let i = 0; i < 10; i++) t.equal(slugOf(await login(wrong)), 'invalid-credentials')
  t.equal(slugOf(await login(wrong)), 'too-many-attempts')
})
