import t from 'tap'
import { createTerminalSms } from '../../src/adapters/sms/terminal-sms.ts'

const message = {
  id: 'x',
  to: '+15551234506',
  body: '907214 is your code.\nDon’t share it',
  validFor: 300,
  context: null,
  userId: 'ada'
}

t.test('a message is shown in one piece with its body unchanged on its own lines', async t => {
  const written: string[] = []
  await createTerminalSms(line => written.push(line)).send(message)
  t.equal(written.length, 1)
  const [heading, ...rest] = written[0]?.split('\n') ?? []
  t.match(heading, 'NOT SENT')
  t.equal(rest.slice(0, -1).join('\n'), message.body)
  t.match(rest.at(-1), /^─+$/)
})

t.test('the number is shown only in part', async t => {
  const written: string[] = []
  await createTerminalSms(line => written.push(line)).send(message)
  t.match(written.join(), '+1•••••••06')
  t.notMatch(written.join(), '5551234')
})
