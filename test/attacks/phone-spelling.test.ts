import t from 'tap'
import { slugOf, startApp } from '../support/start-app.ts'

const password = 'mind the gap'

// Numbers in other forms, as stored by earlier versions or by an operator's SQL.
const stored: [canonical: string, spellings: string[]][] = [
  ['+447400123456', ['+4407400123456', '+44 (0)7400 123456', '\u202a+447400123456']],
  ['+4915112345678', ['+49015112345678', '+49 151 12345678']],
  ['+12025550143', ['+112025550143', '+1 (202) 555-0143', '＋１２０２５５５０１４３']],
  ['+5491123456789', ['+54 11 15-2345-6789']]
]

for (const [canonical, spellings] of stored) {
  t.test(`a message goes to ${canonical} and counts for it in any stored form`, async t => {
    const { prisma, passwords, login, twilio } = await startApp(t, {
      limits: { messagesPerPhoneHour: spellings.length },
      withoutUsers: true
    })
    const passwordDigest = await passwords.hash(password)
    const users = [...spellings, canonical].map((phone, n) => ({ username: `user${n}`, phone }))
    await prisma.user.createMany({
      data: users.map(user => ({ ...user, usernameKey: user.username, passwordDigest }))
    })
    const logins = await Promise.all(users.map(({ username }) => login({ username, password })))
    t.same(
      twilio.messages.map(({ to }) => to),
      spellings.map(() => canonical)
    )
    t.equal(logins.filter(response => slugOf(response) === 'too-many-texts').length, 1)
    t.equal(await prisma.user.count({ where: { phone: canonical } }), users.length)
  })
}
