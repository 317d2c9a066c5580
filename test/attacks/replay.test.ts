import t from 'tap'
import { slugOf, start } from '../support/start.ts'

t.test('a challenge that was used is used up', async t => {
  const { challenge, resend, verify, wait } = await start(t)
  const { challengeToken, code } = await challenge()
  t.equal((await verify(challengeToken, code)).statusCode, 200)
  t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  wait(30)
  t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
})

t.test('a used code is wrong for the next challenge', async t => {
  const { challenge, verify } = await start(t)
  const first = await challenge()
  await verify(first.challengeToken, first.code)
  const second = await challenge()
  t.equal(slugOf(await verify(second.challengeToken, first.code)), 'wrong-code')
  t.equal((await verify(second.challengeToken, second.code)).statusCode, 200)
})

t.test('a used challenge takes no code of the next one', async t => {
  const { challenge, verify } = await start(t)
  const first = await challenge()
  await verify(first.challengeToken, first.code)
  const second = await challenge()
  t.equal(slugOf(await verify(first.challengeToken, second.code)), 'challenge-ended')
})

t.test('a code row put back from a backup opens nothing for the newer challenge', async t => {
  const { challenge, verify, prisma } = await start(t)
  const first = await challenge()
  const { codeHash } = await prisma.challenge.findFirstOrThrow()
  await verify(first.challengeToken, first.code)
  const second = await challenge()
  await prisma.challenge.updateMany({ data: { codeHash } })
  t.equal(slugOf(await verify(second.challengeToken, first.code)), 'wrong-code', 'its hash names another challenge')
})
