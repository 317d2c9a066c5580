import t from 'tap'
import { slugOf, start } from '../support/start.ts'

const grace = { username: 'grace', password: 'correct zebra staple', phone: '+12025550144' }

t.test("one person's code is wrong for another's challenge", async t => {
  const { addUser, challenge, verify } = await start(t)
  await addUser(grace)
  const hers = await challenge(grace)
  let adas = await challenge()
  // Once in a million times both have the same digits.
  while (adas.code === hers.code) {
    await verify(adas.challengeToken, adas.code)
    adas = await challenge()
  }
  t.equal(slugOf(await verify(adas.challengeToken, hers.code)), 'wrong-code')
  t.equal(slugOf(await verify(hers.challengeToken, adas.code)), 'wrong-code')
  t.equal((await verify(adas.challengeToken, adas.code)).statusCode, 200, 'and spends nothing of the other')
  t.equal((await verify(hers.challengeToken, hers.code)).statusCode, 200)
})

t.test("one person's code hash is worthless in another's row", async t => {
  const { addUser, challenge, verify, prisma } = await start(t)
  await addUser(grace)
  const hers = await challenge(grace)
  const adas = await challenge()
  const { codeHash } = await prisma.challenge.findFirstOrThrow({ where: { user: { username: 'grace' } } })
  await prisma.challenge.updateMany({ where: { user: { username: 'ada' } }, data: { codeHash } })
  t.equal(slugOf(await verify(adas.challengeToken, hers.code)), 'wrong-code', 'because it is bound to the challenge')
})

t.test("the code of a person's earlier challenge is wrong for the next, and the next's code for the earlier", async t => {
  const { challenge, verify, wait } = await start(t)
  const first = await challenge()
  wait(30)
  const second = await challenge()
  t.equal(slugOf(await verify(second.challengeToken, first.code)), 'wrong-code')
  t.equal(slugOf(await verify(first.challengeToken, second.code)), 'challenge-ended')
  t.equal((await verify(second.challengeToken, second.code)).statusCode, 200)
})

t.test('two people on one phone have a challenge each', async t => {
  const { addUser, challenge, verify, me } = await start(t)
  const twin = { ...grace, phone: '+12025550143' }
  await addUser(twin)
  const adas = await challenge()
  const hers = await challenge(twin)
  const accessToken = (await verify(hers.challengeToken, hers.code)).json().accessToken
  t.equal((await me(accessToken)).json().username, 'grace')
  t.equal((await me((await verify(adas.challengeToken, adas.code)).json().accessToken)).json().username, 'ada')
})
