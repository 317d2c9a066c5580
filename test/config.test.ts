import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import t, { type Test } from 'tap'
import { wordingsWith } from '../src/wordings.ts'
import { checkProduction, fittedToThreadPool, loadConfig, readConfig, sizeThreadPool, variableNames } from '../src/config.ts'
import { twilioAccount } from './support/twilio-stand-in.ts'

const example = readFileSync(new URL('../.env.example', import.meta.url), 'utf8')

const pemOf = ({ privateKey }: { privateKey: KeyObject }) => privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
const p256 = pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }))
const ed25519 = pemOf(generateKeyPairSync('ed25519'))
const typesOf = (text: string) => readConfig({ JWT_PRIVATE_KEY: text }).signingKeys?.map(({ asymmetricKeyType }) => asymmetricKeyType)

const hex = randomBytes(32).toString('hex')
const base64url = randomBytes(32).toString('base64url')

const twilio = { TWILIO_ACCOUNT_SID: twilioAccount.accountSid, TWILIO_AUTH_TOKEN: twilioAccount.authToken, TWILIO_FROM: '+15005550006' }
const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgresql://login:canary@db.internal/login',
  SECRET: hex,
  JWT_PRIVATE_KEY: p256,
  SMS_COUNTRIES: 'US',
  ...twilio
}
const serve = (environment: NodeJS.ProcessEnv) => checkProduction(readConfig(environment))

/** What a refused environment is told; the test fails if there is a value in it. */
function refusal (t: Test, environment: NodeJS.ProcessEnv): string {
  try {
    serve(environment)
  } catch (error) {
    const { message } = error as Error
    const { NODE_ENV: _told, ...secret } = environment
    for (const value of Object.values(secret)) if (value !== undefined && value.length > 3) t.notOk(message.includes(value), message)
    t.notMatch(message, /\n/)
    return message
  }
  return 'nothing'
}

t.test('.env.example names every variable there is and no other', async t => {
  const named = [...example.matchAll(/^(?:# )?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name)
  t.same(named.sort(), [...variableNames].sort())
})

t.test('.env.example changes nothing, as it is or with every line switched on: the defaults it states are the real ones', async t => {
  t.same(parseEnv(example), {})
  const switchedOn = parseEnv(example.replace(/^# (?=[A-Z][A-Z0-9_]*=)/gm, ''))
  t.same(Object.keys(switchedOn).sort(), [...variableNames].sort())
  t.same(readConfig(switchedOn), readConfig({}))
})

t.test('with nothing set, everything is as promised', async t => {
  t.same(readConfig({}), {
    production: false,
    host: '127.0.0.1',
    port: 3000,
    databaseUrl: 'pglite:./data/pglite',
    secrets: undefined,
    signingKeys: undefined,
    signingKeyFiles: undefined,
    issuer: undefined,
    audience: undefined,
    accessTokenTtl: 900,
    codeLength: 6,
    policy: {
      codeTtl: 60,
      challengeTtl: 600,
      codeAttempts: 5,
      resendCooldown: 30,
      texts: { brand: 'sms-login', origin: null, androidHash: null, wordings: wordingsWith([]) },
      refreshTokenTtl: 3600,
      sessionTtl: 86400,
      confirmationTemplates: new Map([['transfer', { sentence: 'Send {amount} {currency} to {payee}', placeholders: ['amount', 'currency', 'payee'] }]]),
      confirmationMaxAge: 900,
      limits: {
        requests: 60,
        passwordFailures: 10,
        codeFailures: 5,
        textsPerPhoneHour: 6,
        textsPerPhoneDay: 20,
        textsPerNetworkHour: 300,
        textsPerCountryHour: 0,
        textsPerHour: 0
      },
      conversion: { floor: 10, volume: 500, pause: 900 }
    },
    countries: undefined,
    twilio: null,
    corsOrigins: [],
    trustedProxies: [],
    docs: true,
    demoPage: true,
    argon2: { memoryKib: 19456, time: 2, concurrency: availableParallelism(), queue: 64 },
    logLevel: 'info',
    metricsPort: undefined,
    shutdownTimeoutMs: 10000
  })
})

t.test('an address may cause five times as many texts an hour as it may send requests a minute, unless told otherwise', async t => {
  t.equal(readConfig({ LIMIT_IP_PER_MINUTE: '7' }).policy.limits.textsPerNetworkHour, 35)
  t.equal(readConfig({ LIMIT_IP_PER_MINUTE: '0' }).policy.limits.textsPerNetworkHour, 0)
  t.equal(readConfig({ LIMIT_IP_PER_MINUTE: '7', LIMIT_TEXTS_PER_IP_HOUR: '3' }).policy.limits.textsPerNetworkHour, 3)
})

t.test('metrics want a port of their own', async t => {
  t.equal(refusal(t, { METRICS_PORT: '3000' }), 'METRICS_PORT must not be the same as PORT')
  t.equal(readConfig({ PORT: '0', METRICS_PORT: '0' }).metricsPort, 0)
})

t.test('codes without a lock are refused in production, and only there', async t => {
  t.equal(readConfig({ LIMIT_CODE_FAILURES: '0' }).policy.limits.codeFailures, 0)
  t.equal(refusal(t, { ...production, LIMIT_CODE_FAILURES: '0' }), 'LIMIT_CODE_FAILURES must not be 0 when NODE_ENV is production')
})

t.test('an empty variable is not set', async t => {
  t.same(readConfig(Object.fromEntries(variableNames.map(name => [name, '']))), readConfig({}))
  t.match(refusal(t, { ...production, SMS_COUNTRIES: '' }), /^SMS_COUNTRIES must be set/)
  t.match(refusal(t, { ...production, DATABASE_URL: '' }), /^DATABASE_URL must be set/)
})

t.test('a value that will not do is refused by the name of its variable and never repeated', async t => {
  const numbers = ['PORT', 'ACCESS_TOKEN_TTL', 'CODE_LENGTH', 'CODE_TTL', 'CHALLENGE_TTL', 'CODE_ATTEMPTS', 'RESEND_COOLDOWN', 'TWILIO_TIMEOUT_MS',
    'LIMIT_IP_PER_MINUTE', 'LIMIT_PASSWORD_FAILURES', 'LIMIT_CODE_FAILURES', 'LIMIT_TEXTS_PER_PHONE_HOUR', 'LIMIT_TEXTS_PER_PHONE_DAY', 'LIMIT_TEXTS_PER_IP_HOUR',
    'LIMIT_TEXTS_PER_COUNTRY_HOUR', 'LIMIT_TEXTS_PER_HOUR', 'SMS_CONVERSION_FLOOR', 'SMS_CONVERSION_VOLUME', 'SMS_CONVERSION_PAUSE', 'METRICS_PORT',
    'ARGON2_MEMORY_KIB', 'ARGON2_TIME', 'ARGON2_CONCURRENCY', 'ARGON2_QUEUE', 'SHUTDOWN_TIMEOUT_MS']
  const bad: Record<string, string[]> = {
    ...Object.fromEntries(numbers.map(name => [name, ['many', '1.5', '-1', '1e3', '0x10', '60s', ' 60', '99999999999', '999999999', 'NaN', '６０']])),
    NODE_ENV: ['Production', 'prod', ' production', 'production '],
    DATABASE_URL: ['mysql://localhost/login', '/var/lib/login', 'postgresql:canary', 'postgresql://login:can/ary@localhost/login', 'postgresql://login:canary@host:port/login', 'PGLITE:data'],
    SECRET: ['changeme', 'canary'.repeat(20), '0'.repeat(64), 'deadbeef'.repeat(8), 'replace-me-with-32-random-bytes-of-your-own-please', hex.slice(2), base64url.slice(3), `${hex},`, `${hex},short`, `"${hex}"`],
    JWT_PRIVATE_KEY: ['canary-key', 'file:/nowhere/canary.pem'],
    LOG_LEVEL: ['verbose', 'INFO'],
    DOCS: ['true', 'On', '1'],
    SMS_COUNTRIES: ['us', 'USA', 'UK', 'US;CA', 'US,', 'US,*', 'toString'],
    SMS_ORIGIN: ['https://login.canary.example', 'login.canary.example:443', 'login.canary.example/', 'Login.canary.example', 'login.canary.example.', 'canary', '192.0.2.1', '[2001:db8::1]', 'bücher.example', 'xn--a.example', '-canary.example', 'login_1.canary.example', 'login..example', 'canary.example #1', '@canary.example', `${'a'.repeat(64)}.example`],
    SMS_ANDROID_HASH: ['FA+9qCX9VS', 'FA+9qCX9VSuu', 'FA-9qCX9VSu', 'FA+9qCX9VS=', 'FA+9qCX9 VS'],
    SMS_BRAND: ['b'.repeat(31), 'Bänk', 'line\nbreak', '{brand}'],
    TWILIO_ACCOUNT_SID: [`SK${'0a1b2c3d'.repeat(4)}`, 'canary'],
    TWILIO_FROM: ['(415) 555-0100', '+0155501', 'twelve chars'],
    TWILIO_MESSAGING_SERVICE_SID: [twilioAccount.accountSid, 'MG 123'],
    TWILIO_BASE_URL: ['http://api.twilio.example', 'http://127.0.0.1.example', 'http://user@evil.example#127.0.0.1', 'ftp://127.0.0.1', '127.0.0.1:4010'],
    CORS_ORIGINS: ['*', 'null', 'true', 'canary.example', 'https://canary.example/', 'https://canary.example/login', 'https://*.canary.example', 'https://canary.example,', 'https://canary.example *', 'https://canary.example https://b.example', 'https://Canary.example', 'https://canary.example:443', 'https://user@canary.example', 'ftp://canary.example', 'javascript:canary', 'file:///canary', 'https://bücher.example'],
    TRUST_PROXY: ['true', '1', '2', 'loopback', 'linklocal', 'uniquelocal', '*', 'proxy.canary.example', '10.0.0.0/33', '10.0.0.0/0', '::/0', '::1/129', '10.0.0.0/255.0.0.0', '192.0.2.0/', '10.0.0.0/8/8', '10.0.0.0/-1', '10.0.0.0/08', '192.0.2', '010.0.0.1', '0x0a000001', '10.0.0.1:8080', '10.0.0.1,', '10.0.0.1,loopback', '10.0.0.1 10.0.0.2']
  }
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) t.match(refusal(t, { [name]: value }), new RegExp(`^${name} (must|names) `), `${name}=${value}`)
  }
})

t.test('bounds: the least and the most are accepted, one beyond is not', async t => {
  const bounds: Record<string, [number, number]> = {
    PORT: [0, 65535], ACCESS_TOKEN_TTL: [1, 86400], REFRESH_TOKEN_TTL: [1, 31536000], SESSION_TTL: [1, 31536000], CODE_LENGTH: [6, 8], CHALLENGE_TTL: [60, 600], CODE_TTL: [1, 600], CODE_ATTEMPTS: [1, 10], RESEND_COOLDOWN: [0, 600], CONFIRMATION_MAX_AUTH_AGE: [1, 86400]
  }
  for (const [name, [least, most]] of Object.entries(bounds)) {
    for (const good of [least, most]) t.equal(refusal(t, { [name]: String(good) }), 'nothing', `${name}=${good}`)
    for (const bad of [least - 1, most + 1]) t.match(refusal(t, { [name]: String(bad) }), /must/, `${name}=${bad}`)
  }
})

t.test('confirmation templates are read from JSON, none of them in production unless there are some', async t => {
  const templatesOf = (environment: NodeJS.ProcessEnv) => [...readConfig(environment).policy.confirmationTemplates].map(([action, { placeholders }]) => [action, ...placeholders])
  t.same(templatesOf({ CONFIRMATION_TEMPLATES: '{"pay":"Pay {amount}","add-payee":"Add {payee} ({iban}) as a payee"}' }), [['pay', 'amount'], ['add-payee', 'payee', 'iban']])
  t.same(templatesOf({ CONFIRMATION_TEMPLATES: '{}' }), [])
  t.same(templatesOf(production), [])
  t.same(templatesOf({ ...production, CONFIRMATION_TEMPLATES: '{"pay":"Pay {amount}"}' }), [['pay', 'amount']])
})

t.test('a confirmation template that would not make an honest text in one segment stops the start', async t => {
  for (const [templates, reason] of [
    ['Pay {amount}', /must be JSON like/],
    ['["Pay {amount}"]', /must be JSON like/],
    ['{"Pay":"Pay {amount}"}', /must be JSON like/],
    ['{"pay":1}', /must be JSON like/],
    ['{"pay":"Pay it"}', /sentence for pay has no \{placeholder\}/],
    ['{"pay":"Pay {amount"}', /sentence for pay has a brace/],
    ['{"pay":"Envíe {amount}"}', /sentence for pay may hold only/],
    [JSON.stringify({ pay: `Pay {amount} ${'x'.repeat(90)}` }), /too little room/],
    ['{"pay":"{a} {b} {c} {d} {e} {f} {g} {h} {i}"}', /too little room/]
  ] as const) t.match(refusal(t, { CONFIRMATION_TEMPLATES: templates }), reason, templates)
})

t.test('an autofill line is for a domain, in its xn-- form where it has one, and an app is known by its hash', async t => {
  for (const origin of ['login.example.com', 'example.co.uk', 'xn--bcher-kva.example', '1.example', 'a.io']) t.equal(readConfig({ SMS_ORIGIN: origin }).policy.texts.origin, origin)
  t.equal(readConfig({ SMS_ANDROID_HASH: 'FA+9qCX9VSu' }).policy.texts.androidHash, 'FA+9qCX9VSu')
})

t.test('a domain that leaves no room for a login or a confirmation stops the start', async t => {
  const production = { NODE_ENV: 'production', DATABASE_URL: 'pglite:' } // where there are no sample sentences
  t.doesNotThrow(() => readConfig({ ...production, SMS_ORIGIN: 'login.example.com', SMS_ANDROID_HASH: 'FA+9qCX9VSu', SMS_BRAND: 'b'.repeat(30), CODE_LENGTH: '8' }))
  t.throws(() => readConfig({ ...production, SMS_ORIGIN: `${'a'.repeat(63)}.${'b'.repeat(60)}.example` }), { message: "SMS_ORIGIN won't do: with SMS_BRAND it is too long for one text message" })
  t.throws(() => readConfig({ ...production, SMS_ORIGIN: 'a-rather-long-name.example.com', SMS_ANDROID_HASH: 'FA+9qCX9VSu', SMS_BRAND: 'b'.repeat(30), CODE_LENGTH: '8' }), { message: /^SMS_ORIGIN won't do/ })
  const templates = { CONFIRMATION_TEMPLATES: `{"pay":"Pay {amount} ${'x'.repeat(60)}"}` }
  t.doesNotThrow(() => readConfig({ ...production, ...templates }))
  t.throws(() => readConfig({ ...production, ...templates, SMS_ORIGIN: 'login.example.com' }), { message: /^CONFIRMATION_TEMPLATES won't do: beside the sentence for pay, SMS_BRAND and SMS_ORIGIN, / })
})

t.test('texts come in fourteen languages, English first; files add to them or replace one', async t => {
  const languagesOf = (environment: NodeJS.ProcessEnv) => readConfig(environment).policy.texts.wordings.map(({ language }) => language)
  t.same(languagesOf({}), ['en', 'ar', 'de', 'es', 'fr', 'hi', 'it', 'ja', 'nl', 'pl', 'pt', 'tr', 'zh-Hant', 'zh'])
  const folder = t.testdir({ 'fi.json': words('{code} on koodisi: {brand}, {time}'), 'en.json': words('{code} for {brand}, {time}'), 'notes.txt': 'not read' })
  t.same(languagesOf({ SMS_MESSAGES: folder }), ['en', 'ar', 'de', 'es', 'fr', 'hi', 'it', 'ja', 'nl', 'pl', 'pt', 'tr', 'zh-Hant', 'zh', 'fi'])
  t.same(readConfig({ SMS_MESSAGES: folder }).policy.texts.wordings[0].login, ['{code} for {brand}, {time}'])
})

const forms = { minutes: { one: '{count} min', other: '{count} min' }, seconds: { one: '{count} s', other: '{count} s' } }
const words = (login: unknown, more: object = {}) => JSON.stringify({ login: [login], confirmation: ['{code} {brand}:\n{action}\n{time}'], ...forms, ...more })

t.test('a file of texts that will not do stops the start with one line that names it', async t => {
  for (const [file, content, reason] of [
    ['fi.json', '{', 'fi.json is no JSON'],
    ['fi.json', '{}', /^fi\.json lacks login/],
    ['fi.json', '[]', /^fi\.json lacks login, confirmation, minutes and seconds/],
    ['fi.json', words(1), /^fi\.json lacks login\.0, or has it in another form/],
    ['fi.json', words('{code} {brand} {time}', { logon: 'x' }), 'fi.json has what is not known: logon'],
    ['fi.json', words('{code} {brand} {time}', { minutes: { some: 'x' } }), /^fi\.json has what is not known: some/],
    ['fi.json', words('{code} {brand} {minutes}'), 'fi.json has in login the unknown placeholder {minutes}'],
    ['fi.json', words(`{code} {brand} {time} ${'x'.repeat(160)}`), /^fi\.json has no login that fits one text message/],
    ['fi.json', words(`{code} {brand} {time} ${'ő'.repeat(60)}`), /^fi\.json has no login that fits one text message/],
    ['en.json', words('{code} {brand} {time} ő'), /^en\.json may hold only characters of GSM 03\.38/],
    ['pt_BR.json', words('{code} {brand} {time}'), /^pt_BR\.json must be named after a language/],
    ['FI.json', words('{code} {brand} {time}'), /^FI\.json must be named after a language/],
    ['notes.txt', 'x', /^the folder has no file like pt\.json/]
  ] as const) {
    const message = refusal(t, { SMS_MESSAGES: t.testdir({ [file]: content }) })
    t.match(message, /^SMS_MESSAGES won't do: /)
    t.match(message.slice("SMS_MESSAGES won't do: ".length), reason)
  }
  for (const folder of ['/nowhere/canary', t.testdir({ file: 'x' }) + '/file']) t.equal(refusal(t, { SMS_MESSAGES: folder }), "SMS_MESSAGES won't do: it must be a folder that can be read")
})

t.test('the documentation is shown unless in production, where it has to be asked for', async t => {
  t.same([{}, { DOCS: 'on' }, { DOCS: 'off' }].map(env => readConfig(env).docs), [true, true, false])
  t.same([{}, { DOCS: 'on' }, { DOCS: 'off' }].map(env => readConfig({ ...production, ...env }).docs), [false, true, false])
})

t.test('there is a page to try it with unless in production, whatever is asked for', async t => {
  t.same([{}, { DOCS: 'off' }].map(env => readConfig(env).demoPage), [true, true])
  t.same([{}, { DOCS: 'on' }].map(env => readConfig({ ...production, ...env }).demoPage), [false, false])
})

t.test('a code may not outlive its challenge', async t => {
  t.match(refusal(t, { CODE_TTL: '61', CHALLENGE_TTL: '60' }), /^CODE_TTL must not be greater than CHALLENGE_TTL$/)
  t.equal(refusal(t, { CODE_TTL: '60', CHALLENGE_TTL: '60' }), 'nothing')
})

t.test('secrets are read from hex and base64url, and from a list in its order', async t => {
  const bytes = randomBytes(32)
  for (const text of [bytes.toString('hex'), bytes.toString('hex').toUpperCase(), bytes.toString('base64url'), bytes.toString('base64')]) t.same(readConfig({ SECRET: text }).secrets, [bytes])
  t.same(readConfig({ SECRET: `${base64url}, ${hex}` }).secrets, [Buffer.from(base64url, 'base64url'), Buffer.from(hex, 'hex')])
})

t.test('signing keys: P-256, Ed25519 and RSA from 3072 bits, as PEM, on one line or in files, and several at once', async t => {
  const folder = t.testdir({ 'new.pem': ed25519, 'old.pem': p256, 'both.pem': `# the new one\n${ed25519}\n${p256}` })
  t.same(typesOf(p256), ['ec'])
  t.same(typesOf(ed25519), ['ed25519'])
  t.same(typesOf(pemOf(generateKeyPairSync('rsa', { modulusLength: 3072 }))), ['rsa'])
  t.same(typesOf(ed25519.replaceAll('\n', '\\n')), ['ed25519'])
  t.same(typesOf(`${ed25519}${p256}`), ['ed25519', 'ec'], 'the first signs')
  t.same(typesOf(`${p256}${ed25519}`.replaceAll('\n', '\\n')), ['ec', 'ed25519'])
  t.same(typesOf(`file:${join(folder, 'new.pem')}`), ['ed25519'])
  t.same(typesOf(`file:${join(folder, 'new.pem')}, file:${join(folder, 'old.pem')}`), ['ed25519', 'ec'])
  t.same(typesOf(`file:${join(folder, 'both.pem')}`), ['ed25519', 'ec'])
})

t.test('of each signing key it is known which file it is from', async t => {
  const folder = t.testdir({ 'both.pem': `${ed25519}${p256}`, 'rsa.pem': pemOf(generateKeyPairSync('rsa', { modulusLength: 3072 })) })
  const [both, rsa] = [join(folder, 'both.pem'), join(folder, 'rsa.pem')]
  t.same(readConfig({ JWT_PRIVATE_KEY: `file:${both}, file:${rsa}` }).signingKeyFiles, [both, both, rsa])
  t.same(readConfig({ JWT_PRIVATE_KEY: p256 + ed25519 }).signingKeyFiles, [undefined, undefined])
})

t.test('signing keys that are weak, of another kind, damaged, public or given twice are refused', async t => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const folder = t.testdir({ 'good.pem': p256, 'empty.pem': '' })
  const bad = {
    'RSA 2048': pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 })),
    'P-384': pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
    secp256k1: pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })),
    Ed448: pemOf(generateKeyPairSync('ed448')),
    X25519: pemOf(generateKeyPairSync('x25519')),
    public: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    garbage: '-----BEGIN PRIVATE KEY-----\nZ2FyYmFnZQ==\n-----END PRIVATE KEY-----',
    'a good one, then a weak one': p256 + pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
    'a good one, then half of one': p256 + ed25519.slice(0, 60),
    'the same twice': p256 + ed25519 + p256,
    'a good file, then one without a key': `file:${join(folder, 'good.pem')},file:${join(folder, 'empty.pem')}`,
    'a folder': 'file:/'
  }
  for (const [what, text] of Object.entries(bad)) t.match(refusal(t, { JWT_PRIVATE_KEY: text }), /^JWT_PRIVATE_KEY (must|names)/, what)
})

t.test('countries are ISO codes or a star', async t => {
  t.same(readConfig({ SMS_COUNTRIES: 'US, CA,GB' }).countries, ['US', 'CA', 'GB'])
  t.equal(readConfig({ SMS_COUNTRIES: '*' }).countries, '*')
})

t.test('origins are kept as they are written, ports included', async t => {
  t.same(readConfig({ CORS_ORIGINS: 'https://app.example, http://localhost:5173,https://[::1]:8443' }).corsOrigins, ['https://app.example', 'http://localhost:5173', 'https://[::1]:8443'])
})

t.test('proxies are addresses and ranges of either kind', async t => {
  const networks = ['10.0.0.0/8', '192.0.2.1', '::1', '2001:db8::/32', '::ffff:10.0.0.0/104', '127.0.0.1/32', '::1/128']
  t.same(readConfig({ TRUST_PROXY: networks.join(', ') }).trustedProxies, networks)
})

t.test('Twilio is configured whole or not at all', async t => {
  const { TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM } = twilio
  const service = `MG${'0a1b2c3d'.repeat(4)}`
  t.same(readConfig(twilio).twilio, { ...twilioAccount, sender: { from: TWILIO_FROM }, timeoutMs: 5000 })
  t.match(readConfig({ TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_MESSAGING_SERVICE_SID: service }).twilio, { sender: { messagingServiceSid: service } })
  for (const from of ['+15005550006', '12345', 'Acme Bank']) t.match(readConfig({ ...twilio, TWILIO_FROM: from }).twilio, { sender: { from } })

  t.match(refusal(t, { TWILIO_ACCOUNT_SID, TWILIO_FROM }), /^TWILIO_AUTH_TOKEN must/)
  t.match(refusal(t, { TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN }), /^TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID must/)
  t.match(refusal(t, { TWILIO_AUTH_TOKEN }), /^TWILIO_ACCOUNT_SID must/)
  t.match(refusal(t, { TWILIO_FROM }), /^TWILIO_ACCOUNT_SID must/)
  t.match(refusal(t, { ...twilio, TWILIO_MESSAGING_SERVICE_SID: service }), /^TWILIO_FROM and TWILIO_MESSAGING_SERVICE_SID must not both/)
})

t.test("Twilio's secrets go to https, or to a stand-in on loopback", async t => {
  for (const baseUrl of ['https://api.twilio.example', 'http://127.0.0.1:4010', 'http://localhost:4010', 'http://[::1]:4010']) {
    t.match(readConfig({ ...twilio, TWILIO_BASE_URL: baseUrl }).twilio, { baseUrl })
  }
})

t.test('production is accepted when it is complete, and refused for each thing that is missing', async t => {
  t.equal(refusal(t, production), 'nothing')
  t.equal(refusal(t, { ...production, DATABASE_URL: 'pglite:/var/lib/login' }), 'nothing', 'embedded, because somebody said so')
  for (const name of ['DATABASE_URL', 'SECRET', 'JWT_PRIVATE_KEY', 'SMS_COUNTRIES']) {
    t.equal(refusal(t, { ...production, [name]: undefined }), `${name} must be set when NODE_ENV is production`)
  }
  const { TWILIO_ACCOUNT_SID: _sid, TWILIO_AUTH_TOKEN: _token, TWILIO_FROM: _from, ...withoutTwilio } = production
  t.equal(refusal(t, withoutTwilio), 'TWILIO_ACCOUNT_SID must be set when NODE_ENV is production')
})

t.test('commands in production need the database and nothing that only a server uses', async t => {
  t.doesNotThrow(() => readConfig({ NODE_ENV: 'production', DATABASE_URL: production.DATABASE_URL }))
  t.throws(() => readConfig({ NODE_ENV: 'production' }), { message: 'DATABASE_URL must be set when NODE_ENV is production' })
})

t.test('a .env file in the working directory fills in what the environment leaves open', async t => {
  const before = { ...process.env }
  const home = process.cwd()
  t.teardown(() => {
    process.chdir(home)
    process.env = before
  })
  process.chdir(t.testdir({ '.env': `PORT=4000\nHOST=0.0.0.0\nJWT_PRIVATE_KEY="${p256.replaceAll('\n', '\\n')}"\n` }))
  process.env['HOST'] = '127.0.0.2'
  t.match(loadConfig(), { port: 4000, host: '127.0.0.2' })
  t.equal(loadConfig().signingKeys?.length, 1)
  t.throws(() => { process.env['NODE_ENV'] = 'production'; process.env['DATABASE_URL'] = 'pglite:'; loadConfig({ serving: true }) }, { message: /^SECRET must/ })
})

t.test('two threads of the pool are kept free of hashes, whoever says how large it is', async t => {
  const before = { ...process.env }
  t.teardown(() => { process.env = before })
  const config = readConfig({ ARGON2_CONCURRENCY: '6' })
  const atOnce = (size?: string) => {
    delete process.env['UV_THREADPOOL_SIZE']
    if (size !== undefined) process.env['UV_THREADPOOL_SIZE'] = size
    return fittedToThreadPool(config).argon2.concurrency
  }
  t.same([atOnce(), atOnce('1'), atOnce('many'), atOnce('5'), atOnce('8'), atOnce('64')], [2, 1, 1, 3, 6, 6])

  for (const [said, size] of [[undefined, '8'], ['', '8'], ['5', '5']] as const) {
    atOnce(said)
    sizeThreadPool(config)
    t.equal(process.env['UV_THREADPOOL_SIZE'], size)
  }
})
