import { SegmentedMessage } from 'sms-segments-calculator'
import t from 'tap'
import { codeText } from '../../src/domain/code-text.ts'
import { septets } from '../../src/domain/gsm7.ts'

t.test('the longest brand, code and lifetime fit one segment', async t => {
  for (let seconds = 1; seconds <= 600; seconds++) {
    const text = codeText({ subject: null }, "Brand & Sons' 30 letters + 1-2".padEnd(30, '.'), '87654321', seconds)
    const { encodingName, segmentsCount } = new SegmentedMessage(text)
    if (encodingName !== 'GSM-7' || segmentsCount !== 1) t.fail(text)
  }
  t.ok(codeText({ subject: null }, 'x', '123456', 60).length > 0)
})

t.test('every character that a brand may have is in the GSM alphabet', async t => {
  const allowed = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).filter(character => /[A-Za-z0-9 .&'+-]/.test(character))
  t.equal(allowed.length, 68)
  // One septet each, so that none of them doubles the price.
  t.equal(septets(allowed.join('')), 68)
})

t.test('the code comes first, and the text says how long it is good and not to share it', async t => {
  t.equal(codeText({ subject: null }, 'Acme', '042137', 60), "042137 is your Acme login code. It is good for 1 minute. Don't share it: we will never ask you for it.")
})

t.test('a lifetime reads as a person would say it', async t => {
  const said = (seconds: number) => / for ([^.]*)\./.exec(codeText({ subject: null }, 'Acme', '042137', seconds))?.[1]
  t.same([1, 2, 59, 60, 61, 90, 120, 599, 600].map(said), [
    '1 second', '2 seconds', '59 seconds', '1 minute', '61 seconds', '90 seconds', '2 minutes', '599 seconds', '10 minutes'
  ])
})

t.test('a confirmation is told apart from a login at first sight, with its sentence on a line of its own', async t => {
  t.equal(codeText({ subject: { text: 'Send 250.00 EUR to Grace Hopper' } }, 'Acme', '042137', 60), '042137 confirms this with Acme:\nSend 250.00 EUR to Grace Hopper\nGood for 1 minute. Never share it.')
})
