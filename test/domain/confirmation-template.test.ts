import t from 'tap'
import { fillTemplate, readTemplate, whyNotData } from '../../src/domain/confirmation-template.ts'

t.test('a sentence names its placeholders, and is filled with values as they are', async t => {
  const template = readTemplate('Send {amount} {currency} to {payee}')
  t.same(template.placeholders, ['amount', 'currency', 'payee'])
  t.equal(fillTemplate(template, { amount: 250.5, currency: '$&', payee: '{amount}' }), 'Send 250.5 $& to {amount}')
})

for (const [sentence, reason] of [
  ['Send it', /no \{placeholder\}/],
  ['Send {amount', /a brace/],
  ['Send {{amount}}', /a brace/],
  ['Send {} to {payee}', /a brace/],
  ['Send { amount }', /a brace/],
  ['Send {1st}', /a brace/],
  ['Send {a-b}', /a brace/],
  ['Send {amount} and {amount}', /twice/],
  ['Send {amount}\nnow', /on one line/],
  ['Envíe {amount}', /GSM 03\.38/],
  ['Send {amount} 💶', /GSM 03\.38/]
] as const) {
  t.test(`the sentence ${JSON.stringify(sentence)} is refused`, async t => {
    t.throws(() => readTemplate(sentence), { message: reason })
  })
}

const template = readTemplate('Pay {amount} to {payee}')

t.test('the values are exactly the placeholders', async t => {
  t.same(whyNotData(template, { amount: 1, payee: 'x' }, 6), [])
  t.same(whyNotData(template, {}, 6), [{ name: 'amount', detail: 'is required' }, { name: 'payee', detail: 'is required' }])
  t.same(whyNotData(template, { amount: 1, payee: 'x', toString: 'y' }, 6), [{ name: 'toString', detail: 'is not a placeholder of this action' }])
  t.same(whyNotData(readTemplate('{constructor}'), {}, 6), [{ name: 'constructor', detail: 'is required' }], 'what every object inherits is not given')
})

t.test('a value may not be mistaken for a code of the length that codes have, unless it is an amount', async t => {
  const why = (amount: unknown, codeLength = 6) => whyNotData(template, { amount, payee: 'x' }, codeLength)[0]?.detail
  for (const fine of ['100000', '100,000', '100 000.00', "1'000'000", '1234567 x', '12345 x', 'x1234567', 100000, -1.5]) t.equal(why(fine), undefined, String(fine))
  for (const bad of ['code 123456', '123456!', 'x123456', 'a 123456 b']) t.match(why(bad), /6 digits in a row/, bad)
  t.match(why('code 12345678', 8), /8 digits in a row/)
  t.equal(why('code 123456', 8), undefined)
})

t.test('only numbers that can be written out are taken', async t => {
  const why = (amount: number) => whyNotData(template, { amount, payee: 'x' }, 6)[0]?.detail
  for (const fine of [0, -0, 1, -1, 0.1, 123456789012345]) t.equal(why(fine), undefined, String(fine))
  for (const bad of [NaN, Infinity, 1e21, 1e-7]) t.match(why(bad), /written out/, String(bad))
})
