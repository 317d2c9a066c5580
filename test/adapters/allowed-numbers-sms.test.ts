import t from 'tap'
import type { TestNumbers } from '../../src/domain/codes/test-numbers.ts'
import { createAllowedNumbersSms } from '../../src/adapters/sms/allowed-numbers-sms.ts'

const british = '+447911123456'

async function sendTo(
  to: string,
  countries: '*' | string[] | undefined,
  testNumbers: TestNumbers = new Map()
) {
  const sent: string[] = []
  const logged: object[] = []
  const sms = createAllowedNumbersSms(
    { countries, testNumbers },
    {
      send: async message => {
        sent.push(message.to)
        return 'accepted'
      }
    },
    {
      warn: fields => {
        logged.push(fields)
      }
    }
  )
  const outcome = await sms.send({
    id: 'x',
    to,
    body: 'x',
    validFor: 60,
    context: null,
    userId: 'ada'
  })
  return { sent, logged, outcome }
}

t.test('a number of a listed country gets messages', async t => {
  for (const countries of [['US'], ['CA', 'US'], '*' as const, undefined])
    t.same((await sendTo('+12025550143', countries)).sent, ['+12025550143'])
})

t.test('a stored number of any other country gets no messages', async t => {
  for (const to of [british, '+16135550123', 'no number']) {
    const { sent, outcome, logged } = await sendTo(to, ['US'])
    t.same({ sent, outcome }, { sent: [], outcome: 'undeliverable' })
    t.match(logged, [{ event: 'sms.refused', userId: 'ada' }])
    t.notMatch(JSON.stringify(logged), to.slice(1))
  }
})

t.test('a premium-rate number gets no messages even where all countries are listed', async t => {
  for (const to of ['+19002345678', '+33820123456', '+447012345678'])
    t.same(
      await sendTo(to, '*').then(({ sent, outcome }) => ({ sent, outcome })),
      { sent: [], outcome: 'undeliverable' },
      to
    )
  t.same((await sendTo('+15550001111', '*')).sent, ['+15550001111'])
})

t.test('a test number gets no messages, before and after its last day', async t => {
  for (const lastDay of ['2020-12-31', '2999-12-31']) {
    const testNumbers = new Map([['+12025550123', { code: '424242', lastDay }]])
    const { sent, outcome, logged } = await sendTo('+12025550123', '*', testNumbers)
    t.same({ sent, outcome }, { sent: [], outcome: 'undeliverable' })
    t.match(logged, [{ event: 'sms.refused', userId: 'ada' }])
    t.same((await sendTo('+12025550124', '*', testNumbers)).sent, ['+12025550124'])
  }
})
