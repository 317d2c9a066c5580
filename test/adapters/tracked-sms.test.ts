import t from 'tap'
import { createTrackedSms } from '../../src/adapters/sms/tracked-sms.ts'

t.test('settled waits for running sends and for those that start meanwhile', async t => {
  const finish: (() => void)[] = []
  const sms = createTrackedSms({
    send: () => new Promise(resolve => finish.push(() => resolve('accepted')))
  })
  await sms.settled()
  const message = {
    id: 'x',
    to: '+12025550143',
    body: 'hello',
    validFor: 60,
    context: null,
    userId: 'ada'
  }
  const other = '+12025550144'
  const first = sms.send(message)
  let settled = false
  const settling = sms.settled().then(() => {
    settled = true
  })
  const second = sms.send(message)
  finish[0]?.()
  t.equal(await first, 'accepted')
  t.notOk(settled)
  finish[1]?.()
  t.equal(await second, 'accepted')
  await settling
  t.ok(settled)

  void sms.send(message)
  await sms.settled(other)
  finish[2]?.()
  await sms.settled(message.to)
})
