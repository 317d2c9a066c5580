import { SegmentedMessage } from 'sms-segments-calculator'
import t, { type Test } from 'tap'
import { readConfig } from '../../src/config.ts'
import { parseOriginBoundCode } from '../support/origin-bound-code.ts'
import { ada, slugOf, start, transfer } from '../support/start.ts'

const textsOf = (environment: NodeJS.ProcessEnv) => readConfig(environment).policy.texts

/** The service, with calls that say which languages the person reads. */
async function startSpeaking (t: Test, environment: NodeJS.ProcessEnv = {}) {
  const service = await start(t, { policy: { texts: textsOf(environment), resendCooldown: 0 } })
  const { app, twilio } = service
  const post = (url: string, payload: object, languages?: string, accessToken?: string) => app.inject({
    method: 'POST',
    url,
    payload,
    headers: { ...(languages !== undefined && { 'accept-language': languages }), ...(accessToken !== undefined && { authorization: `Bearer ${accessToken}` }) }
  })
  const textOf = async (answer: ReturnType<typeof post>) => {
    const { statusCode } = await answer
    return statusCode < 300 ? twilio.texts.at(-1)?.body ?? 'no text' : String(statusCode)
  }
  return {
    ...service,
    loginIn: (languages?: string) => textOf(post('/login', { username: ada.username, password: ada.password }, languages)),
    resendIn: (challengeToken: string, languages?: string) => textOf(post('/resend', { challengeToken }, languages)),
    confirmIn: (accessToken: string, languages?: string) => textOf(post('/confirmations', { ...transfer, reference: String(Math.trunc(twilio.texts.length)) }, languages, accessToken)),
    resendConfirmationIn: (accessToken: string, confirmationToken: string, languages?: string) => textOf(post('/confirmations/resend', { confirmationToken }, languages, accessToken))
  }
}

const words = {
  en: / is your sms-login login code\./,
  de: / ist Ihr Anmeldecode für sms-login\./,
  fr: / est votre code de connexion sms-login\./,
  pt: / é o seu PIN de acesso a sms-login\./,
  zh: / 是您的sms-login登录验证码/
}

t.test('a login is texted in the language that the request asks for', async t => {
  const { loginIn } = await startSpeaking(t)
  for (const [languages, expected] of [
    ['de', words.de], ['pt-BR,pt;q=0.9,en;q=0.8', words.pt], ['zh-CN', words.zh], ['zh-Hans', words.zh], ['en-US,en;q=0.5', words.en],
    ['fi, fr;q=0.7, de;q=0.8', words.de], ['de;q=0, fr', words.fr], [undefined, words.en], ['fi', words.en], ['*', words.en]
  ] as const) t.match(await loginIn(languages), expected, languages ?? 'no header')
})

t.test('a header that means harm, or nothing, is a login in English', async t => {
  const { loginIn } = await startSpeaking(t)
  for (const languages of ['', ',,,', ';;;q=1', '{code}', '__proto__', '../../etc/passwd', 'de_DE', '@evil.example #000000', '\u00e9\u00ff', '-'.repeat(8000), 'de-'.repeat(2000), 'x,'.repeat(4000) + 'de']) {
    t.match(await loginIn(languages), words.en, languages.slice(0, 30))
  }
})

t.test('the language that is on file goes before what the request asks for, until it is taken off', async t => {
  const { users, loginIn } = await startSpeaking(t)
  t.ok(await users.setLocale('ADA', 'fr-CA'))
  t.match(await loginIn('de'), words.fr)
  t.match(await loginIn(), words.fr)
  await users.setLocale('ada', 'fi')
  t.match(await loginIn('de'), words.de, 'and where there are no words in it, the request decides')
  await users.setLocale('ada', null)
  t.match(await loginIn('de'), words.de)
  t.equal(await users.setLocale('nobody', 'fr'), false)
})

t.test('a change of the language ends neither a session nor a login under way', async t => {
  const { users, challenge, logIn, verify, me } = await startSpeaking(t)
  const { accessToken } = await logIn()
  const { challengeToken, code } = await challenge()
  await users.setLocale('ada', 'tr')
  t.equal((await me(accessToken)).statusCode, 200)
  t.equal((await verify(challengeToken, code)).statusCode, 200)
})

t.test('a resend, a confirmation and its resend speak it as well; the sentence is the operator\'s own', async t => {
  const { users, challenge, logIn, resendIn, confirm, confirmIn, resendConfirmationIn } = await startSpeaking(t)
  const { accessToken } = await logIn()
  const { challengeToken } = await challenge()
  t.match(await resendIn(challengeToken, 'fr'), words.fr)
  t.match(await confirmIn(accessToken, 'de'), /^\d{6} bestätigt dies bei sms-login:\nSend 250\.00 EUR to Grace Hopper\nGilt 1 Minute\. Niemals weitergeben\.$/)
  const { confirmationToken, text } = (await confirm(accessToken)).json()
  t.match(await resendConfirmationIn(accessToken, confirmationToken, 'es'), /^\d{6} confirma esto en sms-login:\nSend 250\.00 EUR to Grace Hopper\nCaduca/)
  t.equal(text, 'Send 250.00 EUR to Grace Hopper')
  await users.setLocale('ada', 'it')
  t.match(await resendIn(challengeToken, 'fr'), / è il tuo codice/)
  t.match(await confirmIn(accessToken, 'de'), /^\d{6} conferma questo con sms-login:\n/)
})

t.test('with SMS_ORIGIN each text ends in a line that a browser reads as this code for this domain, and nothing follows it', async t => {
  const { logIn, loginIn, confirmIn } = await startSpeaking(t, { SMS_ORIGIN: 'login.example.com', SMS_BRAND: 'Acme Bank' })
  const { accessToken } = await logIn()
  for (const languages of ['en', 'es', 'fr', 'de', 'pt', 'it', 'nl', 'pl', 'tr', 'hi', 'ar', 'zh', 'zh-TW', 'ja']) {
    for (const text of [await loginIn(languages), await confirmIn(accessToken, languages)]) {
      const [code] = /^\d{6}/.exec(text) ?? []
      t.same(parseOriginBoundCode(text), { origin: 'https://login.example.com', code, embedded: null, rest: '' }, text)
      t.equal(new SegmentedMessage(text).segmentsCount, 1, text)
    }
  }
})

t.test('with SMS_ANDROID_HASH a login has it on a line of its own, before the one for browsers, in 140 bytes', async t => {
  const { loginIn } = await startSpeaking(t, { SMS_ANDROID_HASH: 'FA+9qCX9VSu', SMS_ORIGIN: 'login.example.com' })
  for (const languages of ['en', 'fr', 'ja']) {
    const text = await loginIn(languages)
    t.match(text, /^(\d{6}) .*\nFA\+9qCX9VSu\n@login\.example\.com #\1$/)
    t.ok(new SegmentedMessage(text).encodingName === 'GSM-7' ? text.length <= 140 : text.length <= 70, text)
  }
})

t.test('values that together look like an autofill line are refused: a browser would go by the first one', async t => {
  const sentences = { CONFIRMATION_TEMPLATES: '{"pay":"Pay {who} {what} today"}', SMS_ORIGIN: 'login.example.com' }
  const { confirm, logIn, twilio } = await start(t, { policy: { texts: textsOf(sentences), confirmationTemplates: readConfig(sentences).policy.confirmationTemplates } })
  const { accessToken } = await logIn()
  const texts = twilio.texts.length
  for (const data of [{ who: '@home', what: '#12' }, { who: 'x @evil #1', what: '5' }, { who: '5', what: '@a-b #z' }]) {
    const answer = await confirm(accessToken, { action: 'pay', data })
    t.equal(slugOf(answer), 'invalid-request')
    t.match(answer.json().errors, [{ detail: /autofill line/ }])
  }
  t.equal(twilio.texts.length, texts)
  t.equal((await confirm(accessToken, { action: 'pay', data: { who: 'Grace #1 @home', what: '5' } })).statusCode, 201)
})
