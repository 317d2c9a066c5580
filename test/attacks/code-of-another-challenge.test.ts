import t from 'tap'
import { slugOf, startApp } from '../support/start-app.ts'

const grace = { username: 'grace', password: 'correct zebra staple', phone: '+12025550144' }

t.test("one user's code is wrong for another user's challenge", async t => {
  const { addUser, loginAndReadCode, verify } = await startApp(t)
  await addUser(grace)
  const theirs = await loginAndReadCode(grace)
  let own = await loginAndReadCode()
  // With a probability of one in a million, both codes are equal.
  while (own.code === theirs.code) {
    await verify(own.challengeToken, own.code)
    own = await loginAndReadCode()
  }
  t.equal(slugOf(await verify(own.challengeToken, theirs.code)), 'wrong-code')
  t.equal(slugOf(await verify(theirs.challengeToken, own.code)), 'wrong-code')
  t.equal(
    (await verify(own.challengeToken, own.code)).statusCode,
    200,
    'the wrong guess used no attempt of the other challenge'
  )
  t.equal((await verify(theirs.challengeToken, theirs.code)).statusCode, 200)
})

t.test("one user's code hash is worthless in another user's row", async t => {
  const { addUser, loginAndReadCode, verify, prisma } = await startApp(t)
  await addUser(grace)
  const theirs = await loginAndReadCode(grace)
  const own = await loginAndReadCode()
  const { codeHash } = await prisma.challenge.findFirstOrThrow({
    where: { user: { username: 'grace' } }
  })
  await prisma.challenge.updateMany({ where: { user: { username: 'ada' } }, data: { codeHash } })
  t.equal(
    slugOf(await verify(own.challengeToken, theirs.code)),
    'wrong-code',
    'the hash is bound to its challenge'
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
  const other = { ...grace, phone: '+12025550143' }
  await addUser(other)
  const own = await loginAndReadCode()
  const theirs = await loginAndReadCode(other)
  const accessToken = (await verify(theirs.challengeToken, theirs.code)).json().accessToken
  t.equal((await me(accessToken)).json().username, 'grace')
  t.equal(
    (await me((await verify(own.challengeToken, own.code)).json().accessToken)).json().username,
    'ada'
  )
})
