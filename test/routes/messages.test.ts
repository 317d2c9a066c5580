import { readFileSync } from 'node:fs'
import { SegmentedMessage } from 'sms-segments-calculator'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config/config.ts'
import { parseOriginBoundCode } from '../support/origin-bound-code.ts'
import { ada, slugOf, startApp, transfer } from '../support/start-app.ts'

const messagesWith = (environment: NodeJS.ProcessEnv) => readConfig(environment).policy.messages

/** Starts the service with functions that send Accept-Language and return the message or status. */
async function startWithLanguages(t: Test, environment: NodeJS.ProcessEnv = {}) {
  const service = await startApp(t, {
    policy: { messages: messagesWith(environment), resendCooldown: 0 }
  })
  const { app, twilio } = service
  const post = (url: string, payload: object, languages?: string, accessToken?: string) =>
    app.inject({
      method: 'POST',
      url,
      payload,
      headers: {
        ...(languages !== undefined && { 'accept-language': languages }),
        ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` })
      }
    })
  const messageOf = async (response: ReturnType<typeof post>) => {
    const { statusCode } = await response
    return statusCode < 300 ? (twilio.messages.at(-1)?.body ?? 'no message') : String(statusCode)
  }
  return {
    ...service,
    loginIn: (languages?: string) =>
      messageOf(post('/login', { username: ada.username, password: ada.password }, languages)),
    resendIn: (challengeToken: string, languages?: string) =>
      messageOf(post('/resend', { challengeToken }, languages)),
    confirmIn: (accessToken: string, languages?: string) =>
      messageOf(
        post(
          '/confirmations',
          { ...transfer, reference: String(Math.trunc(twilio.messages.length)) },
          languages,
          accessToken
        )
      ),
    resendConfirmationIn: (accessToken: string, confirmationToken: string, languages?: string) =>
      messageOf(post('/confirmations/resend', { confirmationToken }, languages, accessToken))
  }
}

const wording = {
  en: / is your sms-login login code\./,
  de: / ist Ihr Anmeldecode für sms-login\./,
  fr: / est votre code de connexion sms-login\./,
  pt: / é o seu codigo de acesso sms-login\./,
  es: / es tu clave de un solo uso para acceder a sms-login\./,
  zh: / 是您的sms-login登录验证码/
}

t.test('language', async t => {
  t.test('a login message is in the language of Accept-Language', async t => {
    const { loginIn } = await startWithLanguages(t)
    for (const [languages, expected] of [
      ['de', wording.de],
      ['pt-BR,pt;q=0.9,en;q=0.8', wording.pt],
      ['zh-CN', wording.zh],
      ['zh-Hans', wording.zh],
      ['en-US,en;q=0.5', wording.en],
      ['fi, fr;q=0.7, de;q=0.8', wording.de],
      ['de;q=0, fr', wording.fr],
      [undefined, wording.en],
      ['fi', wording.en],
      ['*', wording.en]
    ] as const)
      t.match(await loginIn(languages), expected, languages ?? 'no header')
  })

  t.test("language tags as phones send them match the operator's file", async t => {
    const english = readFileSync(new URL('../../src/messages/en.json', import.meta.url), 'utf8')
    const file = (name: string) => english.replaceAll('login code', `login code (${name})`)
    const names = ['no', 'es-419', 'zh-TW', 'zh-Hans', 'pt-BR', 'en-GB']
    const folder = t.testdir(Object.fromEntries(names.map(name => [`${name}.json`, file(name)])))
    const { loginIn } = await startWithLanguages(t, { SMS_MESSAGES: folder })
    for (const [languages, name] of [
      ['nb-NO,nb;q=0.9,en;q=0.8', 'no'],
      ['nn-NO', 'no'],
      ['es-MX,es;q=0.9', 'es-419'],
      ['zh-Hant-TW', 'zh-TW'],
      ['zh', 'zh-Hans'],
      ['pt_BR', 'pt-BR'],
      ['en-AU', 'en-GB']
    ] as const)
      t.match(await loginIn(languages), `login code (${name})`, languages)
    t.match(await loginIn('pt-PT'), wording.pt)
    t.match(await loginIn('es-ES'), wording.es)
  })

  t.test('truncating an overlong Accept-Language header does not promote an entry', async t => {
    const { loginIn } = await startWithLanguages(t)
    const start = `fi,de;q=0.9${',sv;q=0.8'.repeat(25)}`
    for (let length = 245; length <= 262; length++) {
      for (const last of [',tr;q=0.1', ', tr ; q=0.1', ',tr;q=0.1,el;q=0.1'])
        t.match(await loginIn(start.padEnd(length) + last), wording.de, `${length} ${last}`)
    }
    t.match(await loginIn(`de;q=0.1${' '.repeat(300)},tr`), wording.en, 'no complete entry')
  })

  t.test('a malicious or empty Accept-Language gives an English message', async t => {
    const { loginIn } = await startWithLanguages(t)
    for (const languages of [
      '',
      ',,,',
      ';;;q=1',
      '{code}',
      '__proto__',
      '../../etc/passwd',
      '@evil.example #000000',
      '\u00e9\u00ff',
      '-'.repeat(8000),
      'de-'.repeat(2000),
      'x,'.repeat(4000) + 'de'
    ]) {
      t.match(await loginIn(languages), wording.en, languages.slice(0, 30))
    }
  })

  t.test(
    'the stored language takes precedence over Accept-Language until it is cleared',
    async t => {
      const { users, loginIn } = await startWithLanguages(t)
      t.ok(await users.change({ username: 'ADA' }, { locale: 'fr-CA' }, new Date()))
      t.match(await loginIn('de'), wording.fr)
      t.match(await loginIn(), wording.fr)
      await users.change({ username: 'ada' }, { locale: 'fi' }, new Date())
      t.match(
        await loginIn('de'),
        wording.de,
        'the header applies if there are no messages in the stored language'
      )
      await users.change({ username: 'ada' }, { locale: null }, new Date())
      t.match(await loginIn('de'), wording.de)
      t.equal(await users.change({ username: 'nobody' }, { locale: 'fr' }, new Date()), null)
    }
  )

  t.test('changing the language ends neither a session nor a login in progress', async t => {
    const { users, loginAndReadCode, logIn, verify, me } = await startWithLanguages(t)
    const { accessToken } = await logIn()
    const { challengeToken, code } = await loginAndReadCode()
    await users.change({ username: 'ada' }, { locale: 'tr' }, new Date())
    t.equal((await me(accessToken)).statusCode, 200)
    t.equal((await verify(challengeToken, code)).statusCode, 200)
  })

  t.test("a confirmation uses the login's language whatever later requests ask for", async t => {
    const { users, app, loginIn, resendIn, verify, confirmIn, resendConfirmationIn, twilio } =
      await startWithLanguages(t)
    t.match(await loginIn('de-AT'), wording.de)
    const { challengeToken } = (
      await app.inject({
        method: 'POST',
        url: '/login',
        payload: { username: ada.username, password: ada.password },
        headers: { 'accept-language': 'de' }
      })
    ).json()
    t.match(await resendIn(challengeToken), wording.de)
    const { accessToken, refreshToken } = (await verify(challengeToken, twilio.lastCode())).json()
    for (const languages of [undefined, 'en', 'fr'])
      t.match(await confirmIn(accessToken, languages), / bestätigt diesen Vorgang bei /)
    const renewed = (
      await app.inject({ method: 'POST', url: '/refresh', payload: { refreshToken } })
    ).json()
    t.match(await confirmIn(renewed.accessToken), / bestätigt diesen Vorgang bei /)
    const confirmation = await app.inject({
      method: 'POST',
      url: '/confirmations',
      payload: { ...transfer, reference: 'once-more' },
      headers: { authorization: `Bearer ${accessToken}` }
    })
    t.match(
      await resendConfirmationIn(accessToken, confirmation.json().confirmationToken, 'fr'),
      / bestätigt diesen Vorgang bei /
    )
    await users.change({ username: 'ada' }, { locale: 'it' }, new Date())
    t.match(await confirmIn(accessToken, 'fr'), / conferma questa operazione /)
  })

  t.test(
    "resends and confirmations use the same language around the operator's sentence",
    async t => {
      const { users, loginAndReadCode, logIn, resendIn, confirm, confirmIn, resendConfirmationIn } =
        await startWithLanguages(t)
      const { accessToken } = await logIn()
      const { challengeToken } = await loginAndReadCode()
      t.match(await resendIn(challengeToken, 'fr'), wording.fr)
      const linesOf = (message: string) => message.replace(/^\d{6}/, '123456').split('\n')
      t.same(linesOf(await confirmIn(accessToken, 'de')), [
        '123456 bestätigt diesen Vorgang bei sms-login:',
        'Send 250.00 EUR to Grace Hopper',
        'Gilt 1 Minute. Code niemals weitergeben.'
      ])
      const { confirmationToken, text } = (await confirm(accessToken)).json()
      t.match(linesOf(await resendConfirmationIn(accessToken, confirmationToken, 'es')), [
        /^123456 es tu clave para autorizar esto en sms-login:$/,
        /^Send 250\.00 EUR to Grace Hopper$/,
        /^Caduca/
      ])
      t.equal(text, 'Send 250.00 EUR to Grace Hopper')
      await users.change({ username: 'ada' }, { locale: 'it' }, new Date())
      t.match(await resendIn(challengeToken, 'fr'), / è il tuo codice/)
      t.match(
        await confirmIn(accessToken, 'de'),
        /^\d{6} conferma questa operazione su sms-login:\n/
      )
    }
  )
})

t.test('autofill lines', async t => {
  t.test(
    'with SMS_ORIGIN every message ends in a line that binds the code to the domain',
    async t => {
      const { logIn, loginIn, confirmIn } = await startWithLanguages(t, {
        SMS_ORIGIN: 'login.example.com',
        SMS_BRAND: 'Acme Bank'
      })
      const { accessToken } = await logIn()
      for (const languages of [
        'en',
        'es',
        'fr',
        'de',
        'pt',
        'it',
        'nl',
        'pl',
        'tr',
        'hi',
        'ar',
        'zh',
        'zh-TW',
        'ja'
      ]) {
        for (const text of [await loginIn(languages), await confirmIn(accessToken, languages)]) {
          const [code] = /^\d{6}/.exec(text) ?? []
          t.same(
            parseOriginBoundCode(text),
            { origin: 'https://login.example.com', code, embedded: null, rest: '' },
            text
          )
          const most = text.includes('Hopper') ? 2 : 1
          t.ok(new SegmentedMessage(text).segmentsCount <= most, text)
        }
      }
    }
  )

  t.test(
    'with SMS_ANDROID_HASH a login message has the hash on its own line within 140 bytes',
    async t => {
      const { loginIn } = await startWithLanguages(t, {
        SMS_ANDROID_HASH: 'FA+9qCX9VSu',
        SMS_ORIGIN: 'login.example.com'
      })
      for (const languages of ['en', 'fr', 'ja']) {
        const text = await loginIn(languages)
        t.match(text, /^(\d{6}) .*\nFA\+9qCX9VSu\n@login\.example\.com #\1$/)
        t.ok(
          new SegmentedMessage(text).encodingName === 'GSM-7'
            ? text.length <= 140
            : text.length <= 70,
          text
        )
      }
    }
  )

  t.test('values that together look like an autofill line are refused', async t => {
    const sentences = {
      CONFIRMATION_TEMPLATES: '{"pay":"Pay {payee} {amount} today"}',
      SMS_ORIGIN: 'login.example.com'
    }
    const { confirm, logIn, twilio } = await startApp(t, {
      policy: {
        messages: messagesWith(sentences),
        confirmationTemplates: readConfig(sentences).policy.confirmationTemplates
      }
    })
    const { accessToken } = await logIn()
    const sentBefore = twilio.messages.length
    for (const data of [
      { payee: '@home', amount: '#12' },
      { payee: 'x @evil #1', amount: '5' },
      { payee: '5', amount: '@a-b #z' }
    ]) {
      const response = await confirm(accessToken, { action: 'pay', data })
      t.equal(slugOf(response), 'invalid-request')
      t.match(response.json().errors, [{ detail: /autofill line/ }])
    }
    t.equal(twilio.messages.length, sentBefore)
    t.equal(
      (
        await confirm(accessToken, {
          action: 'pay',
          data: { payee: 'Grace #1 @home', amount: '5' }
        })
      ).statusCode,
      201
    )
  })
})
