import t from 'tap'
import { slugOf, startApp } from '../support/start-app.ts'

t.test('a used challenge cannot be used again', async t => {
  const { loginAndReadCode, resend, verify, wait } = await startApp(t)
  const { challengeToken, code } = await loginAndReadCode()
  t.equal((await verify(challengeToken, code)).statusCode, 200)
  t.equal(slugOf(await verify(challengeToken, code)), 'challenge-ended')
  wait(30)
  t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
})

t.test('a used code is wrong for the next challenge', async t => {
  const { loginAndReadCode, verify } = await startApp(t)
  const first = await loginAndReadCode()
  await verify(first.challengeToken, first.code)
  const second = await loginAndReadCode()
  t.equal(slugOf(await verify(second.challengeToken, first.code)), 'wrong-code')
  t.equal((await verify(second.challengeToken, second.code)).statusCode, 200)
})

t.test('a used challenge rejects the code of the next one', async t => {
  const { loginAndReadCode, verify } = await startApp(t)
  const first = await loginAndReadCode()
  await verify(first.challengeToken, first.code)
  const second = await loginAndReadCode()
  t.equal(slugOf(await verify(first.challengeToken, second.code)), 'challenge-ended')
})

t.test('a code hash restored from a backup is wrong for the newer challenge', async t => {
  const { loginAndReadCode, verify, prisma } = await startApp(t)
  const first = await loginAndReadCode()
  const { codeHash } = await prisma.challenge.findFirstOrThrow()
  await verify(first.challengeToken, first.code)
  const second = await loginAndReadCode()
  await prisma.challenge.updateMany({ data: { codeHash } })
  t.equal(
    slugOf(await verify(second.challengeToken, first.code)),
    'wrong-code',
    'the hash belongs to another challenge'
  )
})
