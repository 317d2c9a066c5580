import { SegmentedMessage } from 'sms-segments-calculator'
import t from 'tap'
import { segments, segmentsAtMost, septets } from '../../src/domain/messages/gsm7.ts'

t.test('every character takes as many septets as Twilio counts', async t => {
  let counted = 0
  for (let code = 0; code < 0x3000; code++) {
    const character = String.fromCharCode(code)
    const { encodingName, totalSize } = new SegmentedMessage(character)
    const expected = encodingName === 'GSM-7' ? totalSize / 7 : Infinity
    if (septets(character) !== expected)
      t.fail(`U+${code.toString(16)}: ${septets(character)} instead of ${expected}`)
    if (expected < Infinity) counted++
  }
  t.ok(counted > 130, `${counted} characters fit`)
})

t.test(
  'the length of text is the sum of its characters, or infinite outside the alphabet',
  async t => {
    t.equal(septets('a€[b]'), 8)
    t.equal(septets('😀'), Infinity)
    t.equal(septets(''), 0)
  }
)

t.test('text has as many segments as Twilio counts and no more than the estimate', async t => {
  for (const characters of [
    ['x'],
    ['x', '€'],
    ['x', 'é'],
    ['ł', 'x'],
    ['👍', 'ł'],
    ['क', '्', 'ष', 'े']
  ]) {
    for (let length = 1; length < 520; length += 3) {
      const text = Array.from(
        { length },
        (_, index) => characters[(index * 7 + length) % characters.length]
      ).join('')
      const { segmentsCount } = new SegmentedMessage(text)
      if (segments(text) !== segmentsCount)
        t.fail(`${segments(text)}, not ${segmentsCount}: ${text}`)
      if (segmentsAtMost(text) < segmentsCount) t.fail(`estimate below ${segmentsCount}: ${text}`)
    }
  }
  t.same(
    [160, 161, 306, 307].map(length => segments('x'.repeat(length))),
    [1, 2, 2, 3]
  )
  t.same(
    [70, 71, 134, 135].map(length => segments('ł'.repeat(length))),
    [1, 2, 2, 3]
  )
})
