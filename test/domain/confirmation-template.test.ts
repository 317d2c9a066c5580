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
  ['Send {amount}{currency}', /touches/],
  ['Send {amount}.{cents}', /touches/],
  ['Send {amount}.com', /touches/],
  ['Send {amount}EUR', /touches/],
  ['Send EUR{amount}', /touches/],
  ['Send to:{payee}', /touches/],
  ['See evil.{payee}', /touches/],
  ['No. 12{amount}', /touches/],
  ['Send {amount}\nnow', /on one line/],
  ['Envíe {amount}', /GSM 03\.38/],
  ['Send {amount} 💶', /GSM 03\.38/]
] as const) {
  t.test(`the sentence ${JSON.stringify(sentence)} is refused`, async t => {
    t.throws(() => readTemplate(sentence), { message: reason })
  })
}

t.test('a placeholder may have a sign beside it', async t => {
  for (const sentence of ['Send €{amount} to {payee}.', 'Order #{order} ({amount})', 'Send "{amount}", now', '{amount}% for {payee}: right?']) t.ok(readTemplate(sentence), sentence)
})

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
  for (const fine of ['DE89 3704 0044 0532 0130 00', '12-34-56', 'on 23-11-26', '+1 555-0123', 'order 123-4567']) t.equal(why(fine), undefined, fine)
  for (const bad of ['code 123456', '123456!', 'x123456', 'a 123456 b', 'code 123-456', 'code 123 456!', 'G-123-456']) t.match(why(bad), /6 digits in a row/, bad)
  for (const bad of ['code 12345678', 'code 1234-5678']) t.match(why(bad, 8), /8 digits in a row/, bad)
  t.match(why('code 123-4567', 7), /7 digits in a row/)
  t.equal(why('code 123456', 8), undefined)
})

t.test('an address of numbers is a link to a phone, a grouped amount is not', async t => {
  const why = (payee: unknown) => whyNotData(template, { amount: 1, payee }, 6)[0]?.detail
  for (const fine of ['1.000.000.000', '1.250.000.000,00', '23.11.2026', '1.2.3']) t.equal(why(fine), undefined, fine)
  for (const bad of ['93.184.216.34/pay', '93.184.216.34', 'pay at 93.184.216.134', '93.184.216.134:80']) t.match(why(bad), /look like a link/, bad)
})

t.test('spaces in a row are refused: a phone would break the line there, and what follows would stand on one of its own', async t => {
  t.match(whyNotData(template, { amount: 1, payee: `Grace${' '.repeat(20)}Good for 9 minutes.` }, 6), [{ name: 'payee', detail: /two in a row/ }])
})

t.test('only numbers that can be written out are taken, none whose last digits are not those that were given', async t => {
  const why = (amount: number) => whyNotData(template, { amount, payee: 'x' }, 6)[0]?.detail
  for (const fine of [0, -0, 1, -1, 0.1, 250.5, 123456789012345, 1234567890123.45]) t.equal(why(fine), undefined, String(fine))
  for (const bad of [NaN, Infinity, 1e21, 1e-7]) t.match(why(bad), /written out/, String(bad))
  for (const given of ['9007199254740993', '12345678901234567890', '1234567890.123456789']) t.match(why(Number(given)), /15 digits/, `${given} would be shown as ${Number(given)}`)
})
