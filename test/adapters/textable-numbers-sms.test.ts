import t from 'tap'
import { textableNumbers } from '../../src/adapters/textable-numbers-sms.ts'

const british = '+447911123456'

async function textTo (to: string, countries: '*' | string[] | undefined) {
  const sent: string[] = []
  const logged: object[] = []
  const sms = textableNumbers(countries, { send: async text => { sent.push(text.to); return 'accepted' } }, { warn: fields => { logged.push(fields) } })
  const outcome = await sms.send({ to, body: 'x', validFor: 60 })
  return { sent, logged, outcome }
}

t.test('a number of a listed country is texted', async t => {
  for (const countries of [['US'], ['CA', 'US'], '*' as const, undefined]) t.same((await textTo('+12025550143', countries)).sent, ['+12025550143'])
})

t.test('a number of any other country is not, whoever stored it', async t => {
  for (const to of [british, '+16135550123', 'no number']) {
    const { sent, outcome, logged } = await textTo(to, ['US'])
    t.same({ sent, outcome }, { sent: [], outcome: 'undeliverable' })
    t.equal(logged.length, 1)
    t.notMatch(JSON.stringify(logged), to.slice(1))
  }
})

t.test('a line whose callers pay is not, even where all countries are listed; one that the numbering plan lacks is', async t => {
  for (const to of ['+19002345678', '+33820123456', '+447012345678']) t.same(await textTo(to, '*').then(({ sent, outcome }) => ({ sent, outcome })), { sent: [], outcome: 'undeliverable' }, to)
  t.same((await textTo('+15550001111', '*')).sent, ['+15550001111'])
})
