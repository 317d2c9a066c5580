import t from 'tap'
import { terminalSms } from '../../src/adapters/terminal-sms.ts'

const text = { to: '+15551234506', body: '907214 is your code.\nDon’t share it', validFor: 300 }

t.test('a text is shown in one piece, its body unaltered on lines of its own', async t => {
  const written: string[] = []
  await terminalSms(line => written.push(line)).send(text)
  t.equal(written.length, 1)
  const [heading, ...rest] = written[0]?.split('\n') ?? []
  t.match(heading, 'NOT SENT')
  t.equal(rest.slice(0, -1).join('\n'), text.body)
  t.match(rest.at(-1), /^─+$/)
})

t.test('the number is shown only in part', async t => {
  const written: string[] = []
  await terminalSms(line => written.push(line)).send(text)
  t.match(written.join(), '+1•••••••06')
  t.notMatch(written.join(), '5551234')
})
