import t from 'tap'
import { ada, codeIn, slugOf, startApp } from '../support/start-app.ts'
import {
  respondLate,
  respondWithoutMessage,
  acceptThenFail,
  acceptThenReset,
  hang,
  redirect,
  reject,
  reset,
  respondFailed,
  trickle,
  twilioAccount
} from '../support/twilio-stand-in.ts'

const classes = [
  [
    'sms-undeliverable',
    422,
    [
      reject(400, 21211),
      reject(400, 21614),
      reject(400, 21610),
      reject(403, 21408),
      respondFailed(21610)
    ]
  ],
  [
    'sms-unavailable',
    503,
    [
      reject(401, 20003),
      reject(429, 20429),
      reject(400, 21659),
      reject(503, 20503),
      acceptThenFail(500),
      acceptThenReset(),
      reset(),
      redirect(),
      respondWithoutMessage(),
      respondFailed(30001),
      hang(),
      trickle(),
      respondLate(60_000)
    ]
  ]
] as const

for (const [slug, status, failures] of classes) {
  t.test(
    `every failure that is ${slug} gets one response, voids the code and allows the next login`,
    async t => {
      const { login, logged, twilio, users, verify, wait } = await startApp(t, {
        twilioTimeoutMs: 1000
      })
      const responses = new Set<string>()
      for (const [index, failure] of failures.entries()) {
        logged.length = 0
        const before = (await login()).json().challengeToken
        wait(31)
        const requests = twilio.requests.length
        const sentBefore = twilio.messages.length
        twilio.failNext(failure)
        const response = await login()
        const { instance, ...problem } = response.json()
        t.equal(slugOf(response), slug)
        t.equal(response.statusCode, status)
        responses.add(JSON.stringify([problem, response.headers['retry-after']]))
        t.equal(twilio.requests.length, requests + 1, `one request, failure ${index}`)

        const lines = logged.map(line => JSON.parse(line))
        t.equal(lines.filter(({ event }) => event === 'sms.failed').length, 1)
        t.equal(lines.filter(({ level }) => level >= 40).length, 1)
        const failedCode = codeIn(twilio.requests.at(-1)?.['Body'])
        for (const secret of [
          ada.phone.slice(1),
          twilioAccount.authToken,
          'login code',
          ada.password
        ])
          t.notMatch(logged.join(), secret)

        // The message may have arrived nevertheless, but its code does not work.
        t.equal(slugOf(await verify(before, failedCode)), 'challenge-ended')
        // An undeliverable number is not tried again.
        if (slug === 'sms-undeliverable')
          await users.change(
            { username: ada.username },
            { phone: `+1202555015${index}` },
            new Date()
          )
        const next = (await login()).json()
        t.equal(next.sent, true, 'no cooldown started')
        const delivered = twilio.messages.length - sentBefore
        t.ok(delivered === 1 || delivered === 2)
        t.not(codeIn(twilio.messages.at(-1)?.body), failedCode)
        t.equal(slugOf(await verify(next.challengeToken, failedCode)), 'wrong-code')
        t.equal(
          (await verify(next.challengeToken, codeIn(twilio.messages.at(-1)?.body))).statusCode,
          200
        )
      }
      t.equal(responses.size, 1, [...responses].join('\n'))
    }
  )
}

for (const [slug, status, failures] of classes) {
  t.test(
    `every failure that is ${slug} changes no number, and the next request changes it`,
    async t => {
      const service = await startApp(t, { twilioTimeoutMs: 1000 })
      const { changePhone, logged, logIn, prisma, settled, twilio, verifyPhone } = service
      const { accessToken } = await logIn()
      let number = ada.phone
      for (const [turn, failure] of failures.entries()) {
        const [before, failing, next] = [0, 1, 2].map(
          n => `+120255501${String(10 + 3 * turn + n).padStart(2, '0')}`
        ) as [string, string, string]
        const earlier = (await changePhone(accessToken, before)).json().challengeToken
        logged.length = 0
        const requests = twilio.requests.length
        twilio.failNext(failure)
        const answer = await changePhone(accessToken, failing)
        t.equal(slugOf(answer), slug)
        t.equal(answer.statusCode, status)
        t.equal(twilio.requests.length, requests + 1, `asked once, failure ${turn}`)
        for (const phone of [failing, number]) t.notMatch(logged.join(), phone.slice(1))

        // The message may have arrived all the same. No token takes the code that is in it.
        const said = codeIn(twilio.requests.at(-1)?.['Body'])
        t.equal(slugOf(await verifyPhone(accessToken, earlier, said)), 'challenge-ended')
        t.match(await prisma.user.findMany(), [{ phone: number, phoneChangeFailures: 0 }])
        const { challengeToken, sent } = (await changePhone(accessToken, next)).json()
        t.equal(sent, true, 'at once, without a wait')
        const code = codeIn(twilio.messagesTo(next).at(-1)?.body)
        t.equal(slugOf(await verifyPhone(accessToken, challengeToken, said)), 'wrong-code')
        t.equal((await verifyPhone(accessToken, challengeToken, code)).statusCode, 204)
        t.match(await prisma.user.findMany(), [{ phone: next }])
        await settled()
        t.match(twilio.messages.at(-1), { to: number, body: /was changed to one ending in/ })
        number = next
      }
    }
  )
}
