import t from 'tap'
import { slugOf, startApp } from '../support/start-app.ts'

const grace = { username: 'grace', password: 'correct zebra staple', phone: '+12025550144' }

t.test("one user's code is wrong for another user's challenge", async t => {
  const { addUser, loginAndReadCode, verify } = await startApp(t)
  await addUser(grace)
  const hers = await loginAndReadCode(grace)
  let adas = await loginAndReadCode()
  // Once in a million times both have the same digits.
  while (adas.code === hers.code) {
    await verify(adas.challengeToken, adas.code)
    adas = await loginAndReadCode()
  }
  t.equal(slugOf(await verify(adas.challengeToken, hers.code)), 'wrong-code')
  t.equal(slugOf(await verify(hers.challengeToken, adas.code)), 'wrong-code')
  t.equal(
    (await verify(adas.challengeToken, adas.code)).statusCode,
    200,
    'and spends nothing of the other'
  )
  t.equal((await verify(hers.challengeToken, hers.code)).statusCode, 200)
})

t.test("one user's code hash is worthless in another user's row", async t => {
  const { addUser, loginAndReadCode, verify, prisma } = await startApp(t)
  await addUser(grace)
  const hers = await loginAndReadCode(grace)
  const adas = await loginAndReadCode()
  const { codeHash } = await prisma.challenge.findFirstOrThrow({
    where: { user: { username: 'grace' } }
  })
  await prisma.challenge.updateMany({ where: { user: { username: 'ada' } }, data: { codeHash } })
  t.equal(
    slugOf(await verify(adas.challengeToken, hers.code)),
    'wrong-code',
    'because it is bound to the challenge'
  )
})

t.test('the codes of two consecutive challenges are wrong for each other', async t => {
  const { loginAndReadCode, verify, wait } = await startApp(t)
  const first = await loginAndReadCode()
  wait(30)
  const second = await loginAndReadCode()
  t.equal(slugOf(await verify(second.challengeToken, first.code)), 'wrong-code')
  t.equal(slugOf(await verify(first.challengeToken, second.code)), 'challenge-ended')
  t.equal((await verify(second.challengeToken, second.code)).statusCode, 200)
})

t.test('two users with one phone number have separate challenges', async t => {
  const { addUser, loginAndReadCode, verify, me } = await startApp(t)
  const twin = { ...grace, phone: '+12025550143' }
  await addUser(twin)
  const adas = await loginAndReadCode()
  const hers = await loginAndReadCode(twin)
  const accessToken = (await verify(hers.challengeToken, hers.code)).json().accessToken
  t.equal((await me(accessToken)).json().username, 'grace')
  t.equal(
    (await me((await verify(adas.challengeToken, adas.code)).json().accessToken)).json().username,
    'ada'
  )
})
