import t from 'tap'
import { variableNames } from '../../src/config/config.ts'
import { ada, differentCode, slugOf, startApp, transfer } from '../support/start-app.ts'

const variableIn = (detail: string) => /This limit is (\w+);/.exec(detail)?.[1]

for (const [variable, limits] of Object.entries({
  LIMIT_IP_PER_MINUTE: { requests: 1 },
  LIMIT_PASSWORD_FAILURES: { passwordFailures: 1 },
  LIMIT_TEXTS_PER_PHONE_HOUR: { messagesPerPhoneHour: 1 },
  LIMIT_TEXTS_PER_PHONE_DAY: { messagesPerPhoneDay: 1 },
  LIMIT_TEXTS_PER_IP_HOUR: { messagesPerNetworkHour: 1 },
  LIMIT_TEXTS_PER_COUNTRY_HOUR: { messagesPerCountryHour: 1 },
  LIMIT_TEXTS_PER_HOUR: { messagesPerHour: 1 }
})) {
  t.test(`only outside production, a 429 response names ${variable}`, async t => {
    t.ok(variableNames.includes(variable))
    for (const production of [false, true]) {
      const { login } = await startApp(t, { production, limits, policy: { resendCooldown: 0 } })
      const credentials =
        variable === 'LIMIT_PASSWORD_FAILURES' ? { ...ada, password: 'wrong' } : ada
      await login(credentials)
      const refused = await login(credentials)
      t.equal(refused.statusCode, 429)
      t.equal(variableIn(refused.json().detail), production ? undefined : variable)
      t.notOk('limit' in refused.json())
    }
  })
}

t.test('outside production, refused confirmations and lockouts name their variables', async t => {
  const { loginAndReadCode, confirm, logIn, login, verify } = await startApp(t, {
    production: false,
    limits: { messagesPerPhoneHour: 4, codeFailures: 1 },
    policy: { resendCooldown: 0 }
  })
  const { accessToken } = await logIn()
  for (let n = 0; n < 2; n++) await confirm(accessToken, { ...transfer, reference: `order-${n}` })
  const refused = await confirm(accessToken)
  t.equal(slugOf(refused), 'too-many-texts')
  t.equal(variableIn(refused.json().detail), 'LIMIT_TEXTS_PER_PHONE_HOUR')
  const { challengeToken, code } = await loginAndReadCode()
  await verify(challengeToken, differentCode(code))
  t.equal(variableIn((await login()).json().detail), 'LIMIT_CODE_FAILURES')
})
