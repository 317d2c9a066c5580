import t from 'tap'
import { inCountries } from '../../src/adapters/allowed-countries-sms.ts'

const british = '+447911123456'

async function textTo (to: string, countries: '*' | string[] | undefined) {
  const sent: string[] = []
  const logged: object[] = []
  const sms = inCountries(countries, { send: async text => { sent.push(text.to) } }, { warn: fields => { logged.push(fields) } })
  const refused = await sms.send({ to, body: 'x', validFor: 60 }).then(() => undefined, error => error.slug)
  return { sent, logged, refused }
}

t.test('a number of a listed country is texted', async t => {
  for (const countries of [['US'], ['CA', 'US'], '*' as const, undefined]) t.same((await textTo('+12025550143', countries)).sent, ['+12025550143'])
})

t.test('a number of any other country is not, whoever stored it', async t => {
  for (const to of [british, '+16135550123', 'no number']) {
    const { sent, refused, logged } = await textTo(to, ['US'])
    t.same({ sent, refused }, { sent: [], refused: 'sms-undeliverable' })
    t.equal(logged.length, 1)
    t.notMatch(JSON.stringify(logged), to.slice(1))
  }
})
