import { SegmentedMessage } from 'sms-segments-calculator'
import t from 'tap'
import { septets } from '../../src/domain/gsm7.ts'

t.test('every character takes as many septets as Twilio counts for it', async t => {
  let counted = 0
  for (let code = 0; code < 0x3000; code++) {
    const character = String.fromCharCode(code)
    const { encodingName, totalSize } = new SegmentedMessage(character)
    const expected = encodingName === 'GSM-7' ? totalSize / 7 : Infinity
    if (septets(character) !== expected) t.fail(`U+${code.toString(16)}: ${septets(character)} instead of ${expected}`)
    if (expected < Infinity) counted++
  }
  t.ok(counted > 130, `${counted} of them fit`)
})

t.test('a text takes what its characters take, and one that has no place has no length', async t => {
  t.equal(septets('a€[b]'), 8)
  t.equal(septets('😀'), Infinity)
  t.equal(septets(''), 0)
})
