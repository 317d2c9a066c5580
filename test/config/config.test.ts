import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { chmodSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import t, { type Test } from 'tap'
import { wordingsWith } from '../../src/config/message-files.ts'
import {
  checkServing,
  productionWarnings,
  loadConfig,
  readConfig,
  variableNames
} from '../../src/config/config.ts'
import { twilioAccount } from '../support/twilio-stand-in.ts'

const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8')

const pemOf = ({ privateKey }: { privateKey: KeyObject }) =>
  privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
const p256 = pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }))
const ed25519 = pemOf(generateKeyPairSync('ed25519'))
const typesOf = (text: string) =>
  readConfig({ JWT_PRIVATE_KEY: text }).signingKeys?.map(
    ({ asymmetricKeyType }) => asymmetricKeyType
  )

const hex = randomBytes(32).toString('hex')
const base64url = randomBytes(32).toString('base64url')

const twilio = {
  TWILIO_ACCOUNT_SID: twilioAccount.accountSid,
  TWILIO_AUTH_TOKEN: twilioAccount.authToken,
  TWILIO_FROM: '+15005550006'
}
const production = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgresql://login:canary@db.internal/login',
  SECRET: hex,
  JWT_PRIVATE_KEY: p256,
  SMS_COUNTRIES: 'US',
  ...twilio
}
const serve = (environment: NodeJS.ProcessEnv) => checkServing(readConfig(environment))

/** Returns the error for an invalid environment. The test fails if the error contains a value. */
function refusal(t: Test, environment: NodeJS.ProcessEnv): string {
  try {
    serve(environment)
  } catch (error) {
    const { message } = error as Error
    const { NODE_ENV: _quoted, ...secret } = environment
    for (const value of Object.values(secret))
      if (value !== undefined && value.length > 3) t.notOk(message.includes(value), message)
    t.notMatch(message, /\n/)
    return message
  }
  return 'no error'
}

t.test('variables', async t => {
  t.test('.env.example lists exactly the supported variables', async t => {
    const named = [...example.matchAll(/^(?:# )?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name)
    t.same(named.sort(), [...variableNames].sort())
  })

  t.test('.env.example states the real defaults', async t => {
    t.same(parseEnv(example), {})
    const uncommented = parseEnv(example.replace(/^# (?=[A-Z][A-Z0-9_]*=)/gm, ''))
    t.same(Object.keys(uncommented).sort(), [...variableNames].sort())
    // Naming the default database lets `migrate` create it, which is the only difference.
    t.same(readConfig(uncommented), { ...readConfig({}), databaseIsNamed: true })
  })

  t.test('without variables, the documented defaults apply', async t => {
    t.same(readConfig({}), {
      production: false,
      host: '127.0.0.1',
      port: 3000,
      databaseUrl: 'pglite:./data/pglite',
      databaseIsNamed: false,
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
        messages: {
          brand: 'sms-login',
          origin: null,
          androidHash: null,
          confirmationSegments: 2,
          wordings: wordingsWith([])
        },
        reportsDelivery: false,
        testNumbers: new Map(),
        refreshTokenTtl: 3600,
        sessionTtl: 86400,
        confirmationTemplates: new Map([
          [
            'transfer',
            {
              sentence: 'Send {amount} {currency} to {payee}',
              placeholders: ['amount', 'currency', 'payee']
            }
          ]
        ]),
        confirmationMaxAge: 900,
        reauthMaxAge: 900,
        limits: {
          requests: 60,
          requestsPerSession: 600,
          sessionRequestsPerNetwork: 6000,
          passwordFailures: 10,
          codeFailures: 5,
          messagesPerPhoneHour: 0,
          messagesPerPhoneDay: 0,
          messagesPerNetworkHour: 0,
          messagesPerCountryHour: 0,
          messagesPerHour: 0
        },
        conversion: { floor: 0, volume: 500, pause: 900 }
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
      adminPort: undefined,
      apiKeyHashes: undefined,
      shutdownTimeoutMs: 10000,
      keepAliveTimeoutMs: 72000
    })
  })

  t.test('an empty variable counts as unset', async t => {
    t.same(readConfig(Object.fromEntries(variableNames.map(name => [name, '']))), readConfig({}))
    t.match(refusal(t, { ...production, SMS_COUNTRIES: '' }), /^SMS_COUNTRIES must be set/)
    t.match(refusal(t, { ...production, DATABASE_URL: '' }), /^DATABASE_URL must be set/)
  })

  t.test('the error for an invalid value names the variable, never the value', async t => {
    const numbers = [
      'PORT',
      'ACCESS_TOKEN_TTL',
      'CODE_LENGTH',
      'CODE_TTL',
      'CHALLENGE_TTL',
      'CODE_ATTEMPTS',
      'RESEND_COOLDOWN',
      'TWILIO_TIMEOUT_MS',
      'LIMIT_IP_PER_MINUTE',
      'LIMIT_READS_PER_SESSION_MINUTE',
      'LIMIT_READS_PER_IP_MINUTE',
      'LIMIT_PASSWORD_FAILURES',
      'LIMIT_CODE_FAILURES',
      'LIMIT_TEXTS_PER_PHONE_HOUR',
      'LIMIT_TEXTS_PER_PHONE_DAY',
      'LIMIT_TEXTS_PER_IP_HOUR',
      'LIMIT_TEXTS_PER_COUNTRY_HOUR',
      'LIMIT_TEXTS_PER_HOUR',
      'SMS_CONVERSION_FLOOR',
      'SMS_CONVERSION_VOLUME',
      'SMS_CONVERSION_PAUSE',
      'METRICS_PORT',
      'ADMIN_PORT',
      'ARGON2_MEMORY_KIB',
      'ARGON2_TIME',
      'ARGON2_CONCURRENCY',
      'ARGON2_QUEUE',
      'SHUTDOWN_TIMEOUT_MS',
      'KEEP_ALIVE_TIMEOUT_MS'
    ]
    const invalid: Record<string, string[]> = {
      ...Object.fromEntries(
        numbers.map(name => [
          name,
          [
            'many',
            '1.5',
            '-1',
            '1e3',
            '0x10',
            '60s',
            ' 60',
            '99999999999',
            '999999999',
            'NaN',
            '６０'
          ]
        ])
      ),
      DATABASE_URL: [
        'mysql://localhost/login',
        '/var/lib/login',
        'postgresql:canary',
        'postgresql://login:can/ary@localhost/login',
        'postgresql://login:canary@host:port/login',
        'PGLITE:data'
      ],
      SECRET: [
        'changeme',
        'canary'.repeat(20),
        '0'.repeat(64),
        'deadbeef'.repeat(8),
        'replace-me-with-32-random-bytes-of-your-own-please',
        hex.slice(2),
        base64url.slice(3),
        `${hex},`,
        `${hex},short`,
        `"${hex}"`,
        '0123456789abcdef'.repeat(4),
        'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
      ],
      JWT_AUDIENCE: [
        'https://a.canary.example,,https://b.canary.example',
        'canary,',
        ',canary',
        ','
      ],
      API_KEY_HASHES: [
        'canary',
        `canary-${hex}`,
        base64url,
        hex.slice(1),
        `${hex}0`,
        `${hex},,${hex}`,
        `,${hex}`,
        `${hex},`,
        `${hex};${hex}`,
        `${hex} ${hex}`,
        `${hex}, canary`,
        `sha256:${hex}`,
        ','
      ],
      API_KEY_HASHES_FILE: ['/nowhere/canary'],
      JWT_PRIVATE_KEY: ['canary-key', 'file:/nowhere/canary.pem'],
      LOG_LEVEL: ['verbose', 'INFO'],
      DOCS: ['true', 'On', '1'],
      SMS_COUNTRIES: ['us', 'USA', 'UK', 'US;CA', 'US,', 'US,*', 'toString'],
      SMS_ORIGIN: [
        'https://login.canary.example',
        'login.canary.example:443',
        'login.canary.example/',
        'Login.canary.example',
        'login.canary.example.',
        'canary',
        '192.0.2.1',
        '[2001:db8::1]',
        'bücher.example',
        'xn--a.example',
        '-canary.example',
        'login_1.canary.example',
        'login..example',
        'canary.example #1',
        '@canary.example',
        `${'a'.repeat(64)}.example`
      ],
      SMS_ANDROID_HASH: ['FA+9qCX9VS', 'FA+9qCX9VSuu', 'FA-9qCX9VSu', 'FA+9qCX9VS=', 'FA+9qCX9 VS'],
      SMS_BRAND: ['b'.repeat(31), 'Bänk', 'line\nbreak', '{brand}'],
      TWILIO_ACCOUNT_SID: [`SK${'0a1b2c3d'.repeat(4)}`, 'canary'],
      TWILIO_FROM: ['(415) 555-0100', '+0155501', 'twelve chars'],
      TWILIO_MESSAGING_SERVICE_SID: [twilioAccount.accountSid, 'MG 123'],
      TWILIO_FEEDBACK: ['true', 'On', '1'],
      TWILIO_AUTH_TOKEN: ['canary,', ',canary', 'canary,,canary', ','],
      PUBLIC_URL: [
        'login.canary.example',
        '//login.canary.example',
        'http://login.canary.example',
        'http://127.0.0.1.canary.example',
        'http://10.0.0.7:3000',
        'ws://127.0.0.1:3000',
        'https://canary@login.example',
        'https://:canary@login.example',
        'https://login.canary.example?a=b',
        'https://login.canary.example/auth?',
        'https://login.canary.example#rc=3',
        'https://login.canary.example/#',
        'https://login_1.canary.example',
        'https://'
      ],
      TWILIO_BASE_URL: [
        'http://api.twilio.example',
        'http://127.0.0.1.example',
        'http://user@evil.example#127.0.0.1',
        'ftp://127.0.0.1',
        '127.0.0.1:4010'
      ],
      CORS_ORIGINS: [
        '*',
        'null',
        'true',
        'canary.example',
        'https://canary.example/',
        'https://canary.example/login',
        'https://*.canary.example',
        'https://canary.example,',
        'https://canary.example *',
        'https://canary.example https://b.example',
        'https://Canary.example',
        'canary://',
        'capacitor:localhost',
        'capacitor://canary/',
        'capacitor://canary/x',
        'capacitor://canary?x',
        'capacitor://canary#x',
        'capacitor://me@canary',
        'capacitor://*',
        'Capacitor://canary',
        'file://',
        'file://canary',
        'data:canary',
        'blob:https://canary.example',
        'javascript://canary',
        '//canary.example',
        'https://canary.example:443',
        'https://user@canary.example',
        'ftp://canary.example',
        'javascript:canary',
        'file:///canary',
        'https://bücher.example'
      ],
      TRUST_PROXY: [
        'true',
        '1',
        '2',
        'loopback',
        'linklocal',
        'uniquelocal',
        '*',
        'proxy.canary.example',
        '10.0.0.0/33',
        '10.0.0.0/0',
        '::/0',
        '::1/129',
        '10.0.0.0/255.0.0.0',
        '192.0.2.0/',
        '10.0.0.0/8/8',
        '10.0.0.0/-1',
        '10.0.0.0/08',
        '192.0.2',
        '010.0.0.1',
        '0x0a000001',
        '10.0.0.1:8080',
        '10.0.0.1,',
        '10.0.0.1,loopback',
        '10.0.0.1 10.0.0.2'
      ]
    }
    for (const [name, values] of Object.entries(invalid)) {
      for (const value of values)
        t.match(
          refusal(t, { [name]: value }),
          new RegExp(`^${name} (must|names) `),
          `${name}=${value}`
        )
    }
  })

  t.test('a misspelled NODE_ENV=production is refused and quoted', async t => {
    const misspelled: Record<string, string> = {
      '"production"': '\\"production\\"',
      "'production'": "'production'",
      '`production`': '`production`',
      '"production': '\\"production',
      Production: 'Production',
      PRODUCTION: 'PRODUCTION',
      ' production': ' production',
      'production ': 'production ',
      'production\r': 'production\\r',
      'production\n': 'production\\n',
      '\ufeffproduction': '\\ufeffproduction',
      'production\u200b': 'production\\u200b',
      рroduction: '\\u0440roduction',
      ｐｒｏｄｕｃｔｉｏｎ: '\\uff50\\uff52',
      'production;': 'production;',
      'production # live': 'production # live',
      prod: 'prod',
      prd: 'prd',
      produciton: 'produciton',
      prodution: 'prodution',
      'pre-production': 'pre-production',
      live: 'live',
      Development: 'Development'
    }
    for (const [value, shown] of Object.entries(misspelled)) {
      const message = refusal(t, { NODE_ENV: value })
      t.match(message, /^NODE_ENV must be .* but is "/)
      t.ok(message.includes(`but is "${shown}`), message)
    }
    for (const name of [
      'development',
      'dev',
      'test',
      'testing',
      'staging',
      'local',
      'ci',
      'production'
    ])
      t.doesNotThrow(() => readConfig({ NODE_ENV: name, DATABASE_URL: 'pglite:' }), name)
  })

  t.test('a misspelled variable name is refused', async t => {
    for (const name of ['node_env', 'Node_Env', 'NODE_ENV ', '\ufeffNODE_ENV'])
      t.match(
        refusal(t, { [name]: 'production' }),
        /^NODE_ENV must have exactly this name, but is "/
      )
    t.match(refusal(t, { '\ufeffSECRET': hex }), /^SECRET must have exactly this name/)
  })

  t.test('a value with surrounding quotes or white space is refused', async t => {
    for (const [name, value] of Object.entries({
      ...production,
      SMS_BRAND: 'Acme',
      PORT: '3000'
    })) {
      for (const quote of ['"', "'", '`'])
        t.match(
          refusal(t, { ...production, [name]: quote + value + quote }),
          new RegExp(`^${name} must be without the quotes around its value`)
        )
      if (name === 'JWT_PRIVATE_KEY') continue
      for (const padded of [`${value}\r`, ` ${value}`, `${value}\u00a0`])
        t.match(
          refusal(t, { ...production, [name]: padded }),
          new RegExp(`^${name} must be without white space around its value`)
        )
    }
  })

  t.test(
    'the smallest and largest values are accepted, and values beyond them are refused',
    async t => {
      const bounds: Record<string, [number, number]> = {
        PORT: [0, 65535],
        ACCESS_TOKEN_TTL: [1, 86400],
        REFRESH_TOKEN_TTL: [1, 31536000],
        SESSION_TTL: [1, 31536000],
        CODE_LENGTH: [6, 8],
        CHALLENGE_TTL: [60, 600],
        CODE_TTL: [1, 600],
        CODE_ATTEMPTS: [1, 10],
        RESEND_COOLDOWN: [0, 600],
        REAUTH_MAX_AGE: [1, 86400],
        CONFIRMATION_MAX_AUTH_AGE: [1, 86400]
      }
      for (const [name, [least, most]] of Object.entries(bounds)) {
        for (const value of [least, most])
          t.equal(refusal(t, { [name]: String(value) }), 'no error', `${name}=${value}`)
        for (const value of [least - 1, most + 1])
          t.match(refusal(t, { [name]: String(value) }), /must/, `${name}=${value}`)
      }
    }
  )

  t.test('a .env file in the working directory fills in unset variables', async t => {
    const before = { ...process.env }
    const previousFolder = process.cwd()
    t.teardown(() => {
      process.chdir(previousFolder)
      process.env = before
    })
    process.chdir(
      t.testdir({
        '.env': `PORT=4000\nHOST=0.0.0.0\nJWT_PRIVATE_KEY="${p256.replaceAll('\n', '\\n')}"\n`
      })
    )
    process.env['HOST'] = '127.0.0.2'
    t.match(loadConfig(), { port: 4000, host: '127.0.0.2' })
    t.equal(loadConfig().signingKeys?.length, 1)
    t.throws(
      () => {
        process.env['NODE_ENV'] = 'production'
        process.env['DATABASE_URL'] = 'pglite:'
        loadConfig({ serving: true })
      },
      { message: /^SECRET must/ }
    )
  })

  t.test('metrics and the admin API require their own ports', async t => {
    const API_KEY_HASHES = hex
    t.equal(refusal(t, { METRICS_PORT: '3000' }), 'METRICS_PORT must not be the same as PORT')
    t.equal(
      refusal(t, { ADMIN_PORT: '3000', API_KEY_HASHES }),
      'ADMIN_PORT must not be the same as PORT'
    )
    t.equal(
      refusal(t, { ADMIN_PORT: '3001', METRICS_PORT: '3001', API_KEY_HASHES }),
      'ADMIN_PORT must not be the same as METRICS_PORT'
    )
    t.match(readConfig({ PORT: '0', METRICS_PORT: '0', ADMIN_PORT: '0' }), {
      metricsPort: 0,
      adminPort: 0
    })
  })

  t.test('a server with an admin API requires API_KEY_HASHES, but commands do not', async t => {
    const message = 'API_KEY_HASHES must be set when ADMIN_PORT is'
    for (const env of [{ ADMIN_PORT: '3001' }, { ADMIN_PORT: '3001', API_KEY_HASHES: '' }]) {
      t.equal(refusal(t, env), message)
      t.equal(refusal(t, { ...production, ...env }), message)
      t.equal(readConfig(env).apiKeyHashes, undefined)
    }
    t.equal(refusal(t, { ADMIN_PORT: '3001', API_KEY_HASHES: hex }), 'no error')
  })

  t.test('API_KEY_HASHES is a list of hashes in hex, in either case', async t => {
    const others = [randomBytes(32), randomBytes(32)].map(bytes => bytes.toString('hex'))
    t.same(
      readConfig({ API_KEY_HASHES: [hex.toUpperCase(), ...others].join(', ') }).apiKeyHashes,
      [hex, ...others].map(hash => Buffer.from(hash, 'hex'))
    )
  })

  t.test('API_KEY_HASHES_FILE names a file that contains the value', async t => {
    const folder = t.testdir({ one: `${hex}\n`, crlf: `${hex},${hex}\r\n`, invalid: 'canary' })
    const read = (file: string) =>
      readConfig({ API_KEY_HASHES_FILE: join(folder, file) }).apiKeyHashes?.length
    t.same([read('one'), read('crlf')], [1, 2])
    t.match(refusal(t, { API_KEY_HASHES_FILE: join(folder, 'invalid') }), /^API_KEY_HASHES must be/)
    t.equal(
      refusal(t, { API_KEY_HASHES_FILE: folder }),
      'API_KEY_HASHES_FILE names a file that cannot be read'
    )
    t.equal(
      refusal(t, { API_KEY_HASHES: hex, API_KEY_HASHES_FILE: join(folder, 'one') }),
      'API_KEY_HASHES and API_KEY_HASHES_FILE must not both be set'
    )
  })

  t.test('origins are kept unchanged, including ports', async t => {
    t.same(
      readConfig({ CORS_ORIGINS: 'https://app.example, http://localhost:5173,https://[::1]:8443' })
        .corsOrigins,
      ['https://app.example', 'http://localhost:5173', 'https://[::1]:8443']
    )
    const appOrigins = [
      'capacitor://localhost',
      'ionic://localhost',
      'tauri://localhost',
      'app://obsidian.md',
      'app://localhost:8080',
      'app://-',
      'app://.',
      'chrome-extension://abcdefghijklmnopabcdefghijklmnop',
      'moz-extension://0f8fad5b-d9cb-469f-a165-70867728950e',
      'com.example.app://localhost',
      'app+dev://Localhost'
    ]
    t.same(readConfig({ CORS_ORIGINS: appOrigins.join(',') }).corsOrigins, appOrigins)
  })

  t.test('proxies are IPv4 or IPv6 addresses or ranges', async t => {
    const networks = [
      '10.0.0.0/8',
      '192.0.2.1',
      '::1',
      '2001:db8::/32',
      '::ffff:10.0.0.0/104',
      '127.0.0.1/32',
      '::1/128'
    ]
    t.same(readConfig({ TRUST_PROXY: networks.join(', ') }).trustedProxies, networks)
  })

  t.test('an audience may be a list', async t => {
    t.equal(readConfig({ JWT_AUDIENCE: 'https://a.example' }).audience, 'https://a.example')
    t.same(readConfig({ JWT_AUDIENCE: 'https://a.example, https://b.example' }).audience, [
      'https://a.example',
      'https://b.example'
    ])
    t.equal(readConfig({ JWT_ISSUER: 'https://a.example' }).audience, 'https://a.example')
  })
})

t.test('limits and lifetimes', async t => {
  t.test('the default message limit of an address is five times its request limit', async t => {
    t.equal(
      readConfig({ ...production, LIMIT_IP_PER_MINUTE: '7' }).policy.limits.messagesPerNetworkHour,
      35
    )
    t.equal(
      readConfig({ ...production, LIMIT_IP_PER_MINUTE: '0' }).policy.limits.messagesPerNetworkHour,
      0
    )
    t.equal(
      readConfig({ LIMIT_IP_PER_MINUTE: '7', LIMIT_TEXTS_PER_IP_HOUR: '3' }).policy.limits
        .messagesPerNetworkHour,
      3
    )
  })

  t.test('messages are limited by default when a provider sends them', async t => {
    const limits = { messagesPerPhoneHour: 6, messagesPerPhoneDay: 20, messagesPerNetworkHour: 300 }
    const { NODE_ENV: _, ...development } = production
    for (const environment of [production, development]) {
      const { policy } = readConfig(environment)
      t.match(policy.limits, limits)
      t.equal(policy.conversion.floor, 10)
    }
    t.match(readConfig({ LIMIT_TEXTS_PER_PHONE_HOUR: '2' }).policy.limits, {
      messagesPerPhoneHour: 2
    })
  })

  t.test('only production requires a lockout for codes', async t => {
    t.equal(readConfig({ LIMIT_CODE_FAILURES: '0' }).policy.limits.codeFailures, 0)
    t.equal(
      refusal(t, { ...production, LIMIT_CODE_FAILURES: '0' }),
      'LIMIT_CODE_FAILURES must not be 0 when NODE_ENV is production'
    )
  })

  t.test('a code may not outlive its challenge', async t => {
    t.match(
      refusal(t, { CODE_TTL: '61', CHALLENGE_TTL: '60' }),
      /^CODE_TTL must not be greater than CHALLENGE_TTL$/
    )
    t.equal(refusal(t, { CODE_TTL: '60', CHALLENGE_TTL: '60' }), 'no error')
  })
})

t.test('messages', async t => {
  const templatesOf = (environment: NodeJS.ProcessEnv) =>
    [...readConfig(environment).policy.confirmationTemplates].map(([action, { placeholders }]) => [
      action,
      ...placeholders
    ])

  t.test('confirmation templates are read from JSON', async t => {
    t.same(
      templatesOf({
        CONFIRMATION_TEMPLATES:
          '{"pay":"Pay {amount}","add-payee":"Add {payee} ({iban}) as a payee"}'
      }),
      [
        ['pay', 'amount'],
        ['add-payee', 'payee', 'iban']
      ]
    )
    t.same(templatesOf({ CONFIRMATION_TEMPLATES: '{}' }), [])
  })

  t.test('production has no confirmation templates by default', async t => {
    t.same(templatesOf(production), [])
    t.same(templatesOf({ ...production, CONFIRMATION_TEMPLATES: '{"pay":"Pay {amount}"}' }), [
      ['pay', 'amount']
    ])
  })

  t.test('an invalid confirmation template stops the start', async t => {
    for (const [templates, reason] of [
      ['Pay {amount}', /must be JSON like/],
      ['["Pay {amount}"]', /must be JSON like/],
      ['{"Pay":"Pay {amount}"}', /must be JSON like/],
      ['{"pay":1}', /must be JSON like/],
      ['{"pay":"Pay it"}', /sentence for pay has no \{placeholder\}/],
      ['{"pay":"Pay {amount"}', /sentence for pay has a brace/],
      ['{"pay":"Pay {amount} 💶"}', /sentence for pay may contain only/],
      [
        JSON.stringify({ pay: `Pay {amount} ${'x'.repeat(240)}` }),
        /values do not fit into CONFIRMATION_SEGMENTS/
      ],
      [
        JSON.stringify({ pay: `Wyślij {amount} ${'x'.repeat(70)}` }),
        /values do not fit into CONFIRMATION_SEGMENTS/
      ],
      [
        `{"pay":"${[...'abcdefghijklmnopqrstuvwxyz'].map(name => `{${name}}`).join(' ')}"}`,
        /values do not fit into CONFIRMATION_SEGMENTS/
      ]
    ] as const)
      t.match(refusal(t, { CONFIRMATION_TEMPLATES: templates }), reason, templates)
  })

  t.test('autofill lines accept a domain in ASCII form and the hash of an app', async t => {
    for (const origin of [
      'login.example.com',
      'example.co.uk',
      'xn--bcher-kva.example',
      '1.example',
      'a.io'
    ])
      t.equal(readConfig({ SMS_ORIGIN: origin }).policy.messages.origin, origin)
    t.equal(
      readConfig({ SMS_ANDROID_HASH: 'FA+9qCX9VSu' }).policy.messages.androidHash,
      'FA+9qCX9VSu'
    )
  })

  t.test('a domain that leaves no room for a message stops the start', async t => {
    // In production, because it has no sample templates.
    const production = { NODE_ENV: 'production', DATABASE_URL: 'pglite:' }
    t.doesNotThrow(() =>
      readConfig({
        ...production,
        SMS_ORIGIN: 'login.example.com',
        SMS_ANDROID_HASH: 'FA+9qCX9VSu',
        SMS_BRAND: 'b'.repeat(30),
        CODE_LENGTH: '8'
      })
    )
    t.throws(
      () =>
        readConfig({ ...production, SMS_ORIGIN: `${'a'.repeat(63)}.${'b'.repeat(60)}.example` }),
      { message: 'SMS_ORIGIN is too long for one SMS segment with SMS_BRAND' }
    )
    t.throws(
      () =>
        readConfig({
          ...production,
          SMS_ORIGIN: 'a-rather-long-name.example.com',
          SMS_ANDROID_HASH: 'FA+9qCX9VSu',
          SMS_BRAND: 'b'.repeat(30),
          CODE_LENGTH: '8'
        }),
      { message: /^SMS_ORIGIN is too long/ }
    )
    const templates = {
      CONFIRMATION_TEMPLATES: `{"pay":"Pay {amount} ${'x'.repeat(60)}"}`,
      CONFIRMATION_SEGMENTS: '1'
    }
    t.doesNotThrow(() => readConfig({ ...production, ...templates }))
    t.throws(() => readConfig({ ...production, ...templates, SMS_ORIGIN: 'login.example.com' }), {
      message: new RegExp(
        '^CONFIRMATION_TEMPLATES has a sentence for pay that is too long: ' +
          'with SMS_BRAND and SMS_ORIGIN, '
      )
    })
  })

  t.test('there are fourteen built-in languages, English first', async t => {
    const languagesOf = (environment: NodeJS.ProcessEnv) =>
      readConfig(environment).policy.messages.wordings.map(({ language }) => language)
    t.same(languagesOf({}), [
      'en',
      'ar',
      'de',
      'es',
      'fr',
      'hi',
      'it',
      'ja',
      'nl',
      'pl',
      'pt',
      'tr',
      'zh-Hant',
      'zh'
    ])
  })

  t.test('message files add languages or replace one', async t => {
    const languagesOf = (environment: NodeJS.ProcessEnv) =>
      readConfig(environment).policy.messages.wordings.map(({ language }) => language)
    const folder = t.testdir({
      'fi.json': messageFile('{code} on koodisi: {brand}, {time}'),
      'en.json': messageFile('{code} for {brand}, {time}'),
      'notes.txt': 'not read'
    })
    t.same(languagesOf({ SMS_MESSAGES: folder }), [
      'en',
      'ar',
      'de',
      'es',
      'fr',
      'hi',
      'it',
      'ja',
      'nl',
      'pl',
      'pt',
      'tr',
      'zh-Hant',
      'zh',
      'fi'
    ])
    t.same(readConfig({ SMS_MESSAGES: folder }).policy.messages.wordings[0].login, [
      '{code} for {brand}, {time}'
    ])
  })

  const forms = {
    minutes: { one: '{count} min', other: '{count} min' },
    seconds: { one: '{count} s', other: '{count} s' }
  }
  const messageFile = (login: unknown, more: object = {}) =>
    JSON.stringify({
      login: [login],
      confirmation: ['{code} {brand}:\n{action}\n{time}'],
      ...forms,
      ...more
    })

  t.test('an invalid message file stops the start with one line that names it', async t => {
    for (const [file, content, reason] of [
      ['fi.json', '{', 'fi.json is not valid JSON'],
      ['fi.json', '{}', /^fi\.json lacks login/],
      ['fi.json', '[]', /^fi\.json lacks login, confirmation, minutes and seconds/],
      ['fi.json', messageFile(1), /^fi\.json lacks login\.0, or has it in the wrong format/],
      [
        'fi.json',
        messageFile('{code} {brand} {time}', { logon: 'x' }),
        'fi.json has unknown keys: logon'
      ],
      [
        'fi.json',
        messageFile('{code} {brand} {time}', { minutes: { some: 'x' } }),
        /^fi\.json has unknown keys: some/
      ],
      [
        'fi.json',
        messageFile('{code} {brand} {minutes}'),
        'fi.json has the unknown placeholder {minutes} in login'
      ],
      [
        'fi.json',
        messageFile('{code} {brand} {time}', { notices: { loggedIn: ['{brand}'] } }),
        /^fi\.json has unknown keys: loggedIn/
      ],
      [
        'fi.json',
        messageFile('{code} {brand} {time}', { notices: { phoneChanged: ['{brand}'] } }),
        /^fi\.json must have \{ending\} exactly once/
      ],
      [
        'fi.json',
        messageFile('{code} {brand} {time}', {
          notices: { phoneChanged: [`{brand} {ending} ${'x'.repeat(160)}`] }
        }),
        /^fi\.json has no notices\.phoneChanged that fits one SMS segment with SMS_BRAND/
      ],
      [
        'en.json',
        messageFile('{code} {brand} {time}', { notices: { phoneChanged: ['{brand} {ending} ő'] } }),
        /^en\.json may contain only characters of GSM 03\.38/
      ],
      [
        'fi.json',
        messageFile(`{code} {brand} {time} ${'x'.repeat(160)}`),
        /^fi\.json has no login that fits one SMS segment/
      ],
      [
        'fi.json',
        messageFile('{code} {brand} {time}', {
          phoneChange: [`{code} {brand} {time} ${'x'.repeat(160)}`]
        }),
        /^fi\.json has no phoneChange that fits one SMS segment/
      ],
      [
        'fi.json',
        messageFile('{code} {brand} {time}', { phoneChange: [] }),
        /^fi\.json lacks phoneChange, or has it in the wrong format/
      ],
      [
        'en.json',
        messageFile('{code} {brand} {time}', { phoneChange: ['{code} {brand} {time} ő'] }),
        /^en\.json may contain only characters of GSM 03\.38/
      ],
      [
        'fi.json',
        messageFile(`{code} {brand} {time} ${'ő'.repeat(60)}`),
        /^fi\.json has no login that fits one SMS segment/
      ],
      [
        'en.json',
        messageFile('{code} {brand} {time} ő'),
        /^en\.json may contain only characters of GSM 03\.38/
      ],
      [
        'pt_BR.json',
        messageFile('{code} {brand} {time}'),
        /^pt_BR\.json must be named after a language/
      ],
      ['FI.json', messageFile('{code} {brand} {time}'), /^FI\.json must be named after a language/],
      ['notes.txt', 'x', /^the folder contains no file like pt\.json/]
    ] as const) {
      const message = refusal(t, { SMS_MESSAGES: t.testdir({ [file]: content }) })
      t.match(message, /^SMS_MESSAGES is invalid: /)
      t.match(message.slice('SMS_MESSAGES is invalid: '.length), reason)
    }
    for (const folder of ['/nowhere/canary', t.testdir({ file: 'x' }) + '/file'])
      t.equal(
        refusal(t, { SMS_MESSAGES: folder }),
        'SMS_MESSAGES is invalid: it must be a readable folder'
      )
  })
})

t.test('documentation and demo', async t => {
  t.test('the documentation is shown by default outside production only', async t => {
    t.same(
      [{}, { DOCS: 'on' }, { DOCS: 'off' }].map(env => readConfig(env).docs),
      [true, true, false]
    )
    t.same(
      [{}, { DOCS: 'on' }, { DOCS: 'off' }].map(env => readConfig({ ...production, ...env }).docs),
      [false, true, false]
    )
  })

  t.test('production never serves the demo page', async t => {
    t.same(
      [{}, { DOCS: 'off' }].map(env => readConfig(env).demoPage),
      [true, true]
    )
    t.same(
      [{}, { DOCS: 'on' }].map(env => readConfig({ ...production, ...env }).demoPage),
      [false, false]
    )
  })
})

t.test('secrets and keys', async t => {
  t.test('the message for a guessable secret differs from that for a short one', async t => {
    for (const [text, error] of [
      [hex.slice(2), /^SECRET must be at least 32 random bytes/],
      [
        '0123456789abcdef'.repeat(4),
        /^SECRET must be random: this one is typed, repeated or copied/
      ]
    ] as const)
      t.match(refusal(t, { SECRET: text }), error)
  })

  t.test('secrets are read from hex and base64url, alone or in a list', async t => {
    const bytes = randomBytes(32)
    for (const text of [
      bytes.toString('hex'),
      bytes.toString('hex').toUpperCase(),
      bytes.toString('base64url'),
      bytes.toString('base64')
    ])
      t.same(readConfig({ SECRET: text }).secrets, [bytes])
    t.same(readConfig({ SECRET: `${base64url}, ${hex}` }).secrets, [
      Buffer.from(base64url, 'base64url'),
      Buffer.from(hex, 'hex')
    ])
  })

  t.test('signing keys are P-256, Ed25519 or RSA from 3072 bits, as PEM or in files', async t => {
    const folder = t.testdir({
      'new.pem': ed25519,
      'old.pem': p256,
      'both.pem': `# the new one\n${ed25519}\n${p256}`
    })
    t.same(typesOf(p256), ['ec'])
    t.same(typesOf(ed25519), ['ed25519'])
    t.same(typesOf(pemOf(generateKeyPairSync('rsa', { modulusLength: 3072 }))), ['rsa'])
    t.same(typesOf(ed25519.replaceAll('\n', '\\n')), ['ed25519'])
    t.same(typesOf(`${ed25519}${p256}`), ['ed25519', 'ec'], 'the first key signs')
    t.same(typesOf(`${p256}${ed25519}`.replaceAll('\n', '\\n')), ['ec', 'ed25519'])
    t.same(typesOf(`file:${join(folder, 'new.pem')}`), ['ed25519'])
    t.same(typesOf(`file:${join(folder, 'new.pem')}, file:${join(folder, 'old.pem')}`), [
      'ed25519',
      'ec'
    ])
    t.same(typesOf(`file:${join(folder, 'both.pem')}`), ['ed25519', 'ec'])
  })

  t.test('each signing key has the path of its file', async t => {
    const folder = t.testdir({
      'both.pem': `${ed25519}${p256}`,
      'rsa.pem': pemOf(generateKeyPairSync('rsa', { modulusLength: 3072 }))
    })
    const [both, rsa] = [join(folder, 'both.pem'), join(folder, 'rsa.pem')]
    t.same(readConfig({ JWT_PRIVATE_KEY: `file:${both}, file:${rsa}` }).signingKeyFiles, [
      both,
      both,
      rsa
    ])
    t.same(readConfig({ JWT_PRIVATE_KEY: p256 + ed25519 }).signingKeyFiles, [undefined, undefined])
  })

  t.test('weak, unsupported, damaged, public and duplicate signing keys are refused', async t => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const folder = t.testdir({ 'valid.pem': p256, 'empty.pem': '' })
    const files = [join(folder, 'valid.pem'), join(folder, 'empty.pem')]
    const invalid = {
      'RSA 2048': pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 })),
      'P-384': pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
      secp256k1: pemOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })),
      Ed448: pemOf(generateKeyPairSync('ed448')),
      X25519: pemOf(generateKeyPairSync('x25519')),
      public: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
      garbage: '-----BEGIN PRIVATE KEY-----\nZ2FyYmFnZQ==\n-----END PRIVATE KEY-----',
      'a valid key, then a weak key':
        p256 + pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
      'a valid key, then a truncated key': p256 + ed25519.slice(0, 60),
      'the same key twice': p256 + ed25519 + p256,
      'a valid file, then a file without a key': files.map(file => `file:${file}`).join(),
      'a folder': 'file:/'
    }
    for (const [name, text] of Object.entries(invalid))
      t.match(refusal(t, { JWT_PRIVATE_KEY: text }), /^JWT_PRIVATE_KEY (must|names)/, name)
  })
})

t.test('phone numbers and Twilio', async t => {
  t.test('countries are ISO codes or a star', async t => {
    t.same(readConfig({ SMS_COUNTRIES: 'US, CA,GB' }).countries, ['US', 'CA', 'GB'])
    t.equal(readConfig({ SMS_COUNTRIES: '*' }).countries, '*')
  })

  t.test('a country without its own numbers is refused with the country to use', async t => {
    for (const [wrong, correct] of Object.entries({ UK: 'GB', PN: 'NZ', UM: 'US', GS: 'FK' }))
      t.match(
        refusal(t, { ...production, SMS_COUNTRIES: `DE,${wrong}` }),
        new RegExp(`^SMS_COUNTRIES must list ${correct} instead of `)
      )
  })

  t.test('Twilio must be configured completely or not at all', async t => {
    const { TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM } = twilio
    const service = `MG${'0a1b2c3d'.repeat(4)}`
    t.same(readConfig(twilio).twilio, {
      accountSid: twilioAccount.accountSid,
      authTokens: [twilioAccount.authToken],
      sender: { from: TWILIO_FROM },
      feedback: false,
      timeoutMs: 5000
    })
    t.match(
      readConfig({ TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_MESSAGING_SERVICE_SID: service })
        .twilio,
      { sender: { messagingServiceSid: service } }
    )
    for (const from of ['+15005550006', '12345', 'Acme Bank'])
      t.match(readConfig({ ...twilio, TWILIO_FROM: from }).twilio, { sender: { from } })

    t.match(refusal(t, { TWILIO_ACCOUNT_SID, TWILIO_FROM }), /^TWILIO_AUTH_TOKEN must/)
    t.match(
      refusal(t, { TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN }),
      /^TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID must/
    )
    t.match(refusal(t, { TWILIO_AUTH_TOKEN }), /^TWILIO_ACCOUNT_SID must/)
    t.match(refusal(t, { TWILIO_FROM }), /^TWILIO_ACCOUNT_SID must/)
    t.match(
      refusal(t, { ...twilio, TWILIO_MESSAGING_SERVICE_SID: service }),
      /^TWILIO_FROM and TWILIO_MESSAGING_SERVICE_SID must not both/
    )
  })

  t.test('the first of several auth tokens authenticates requests to Twilio', async t => {
    t.same(readConfig({ ...twilio, TWILIO_AUTH_TOKEN: 'one, two,three' }).twilio?.authTokens, [
      'one',
      'two',
      'three'
    ])
  })

  t.test('status callbacks need PUBLIC_URL and a Twilio account', async t => {
    t.equal(readConfig(twilio).policy.reportsDelivery, false)
    t.equal(readConfig({ PUBLIC_URL: 'https://login.example' }).policy.reportsDelivery, false)
    const config = readConfig({ ...twilio, PUBLIC_URL: 'https://login.example' })
    t.equal(config.policy.reportsDelivery, true)
    t.equal(config.twilio?.publicUrl, 'https://login.example')
  })

  t.test('feedback to Twilio is off by default and needs PUBLIC_URL', async t => {
    const on = { ...twilio, TWILIO_FEEDBACK: 'on' }
    t.equal(refusal(t, on), 'PUBLIC_URL must be set when TWILIO_FEEDBACK is on')
    t.equal(readConfig({ ...on, PUBLIC_URL: 'https://login.example' }).twilio?.feedback, true)
  })

  t.test('PUBLIC_URL is normalized, because Twilio signs the URL that it receives', async t => {
    for (const [given, publicUrl] of [
      ['https://login.example', 'https://login.example'],
      ['https://login.example/', 'https://login.example'],
      ['https://login.example//', 'https://login.example'],
      ['https://login.example:443', 'https://login.example'],
      ['https://login.example:8443', 'https://login.example:8443'],
      ['HTTPS://LOGIN.example/Auth/', 'https://login.example/Auth'],
      ['https://bücher.example', 'https://xn--bcher-kva.example'],
      ['http://127.0.0.1:3000/', 'http://127.0.0.1:3000'],
      ['http://localhost:3000', 'http://localhost:3000']
    ])
      t.equal(readConfig({ ...twilio, PUBLIC_URL: given }).twilio?.publicUrl, publicUrl)
  })

  t.test("Twilio's secrets go only to https or to a stand-in on loopback", async t => {
    for (const baseUrl of [
      'https://api.twilio.example',
      'http://127.0.0.1:4010',
      'http://localhost:4010',
      'http://[::1]:4010'
    ]) {
      t.match(readConfig({ ...twilio, TWILIO_BASE_URL: baseUrl }).twilio, { baseUrl })
    }
  })
})

t.test('production', async t => {
  t.test('production warns of a missing issuer and of key files that others can read', async t => {
    const previousFolder = process.cwd()
    t.teardown(() => process.chdir(previousFolder))
    const folder = t.testdir({ 'key.pem': p256, 'private.pem': ed25519, '.env': '' })
    process.chdir(folder)
    const key = join(folder, 'key.pem')
    const keys = `file:${key},file:${join(folder, 'private.pem')}`
    const warnings = (environment: NodeJS.ProcessEnv) =>
      productionWarnings(readConfig(environment), 'http://0.0.0.0:3000')
    chmodSync(join(folder, 'private.pem'), 0o640)
    for (const mode of [0o644, 0o604, 0o602]) {
      chmodSync(key, mode)
      chmodSync(join(folder, '.env'), mode)
      t.same(warnings({ ...production, JWT_PRIVATE_KEY: keys }), [
        'JWT_ISSUER is not set: tokens name http://0.0.0.0:3000 as their issuer; ' +
          'set it to the public URL',
        `JWT_PRIVATE_KEY names ${key}, which any user of this machine can read or replace`,
        'any user of this machine can read or replace .env, which contains secrets'
      ])
    }
    t.same(warnings({ JWT_PRIVATE_KEY: keys }), [], 'not outside production')
    for (const file of [key, join(folder, '.env')]) chmodSync(file, 0o600)
    t.same(
      warnings({ ...production, JWT_PRIVATE_KEY: keys, JWT_ISSUER: 'https://login.example' }),
      []
    )
  })

  t.test('production refuses to start without each required variable', async t => {
    t.equal(refusal(t, production), 'no error')
    t.equal(
      refusal(t, { ...production, DATABASE_URL: 'pglite:/var/lib/login' }),
      'no error',
      'an embedded database that the operator named'
    )
    for (const name of ['DATABASE_URL', 'SECRET', 'JWT_PRIVATE_KEY', 'SMS_COUNTRIES']) {
      t.equal(
        refusal(t, { ...production, [name]: undefined }),
        `${name} must be set when NODE_ENV is production`
      )
    }
    const {
      TWILIO_ACCOUNT_SID: _sid,
      TWILIO_AUTH_TOKEN: _token,
      TWILIO_FROM: _from,
      ...withoutTwilio
    } = production
    t.equal(refusal(t, withoutTwilio), 'TWILIO_ACCOUNT_SID must be set when NODE_ENV is production')
  })

  t.test('commands in production need the database and no variable of the server', async t => {
    t.doesNotThrow(() =>
      readConfig({ NODE_ENV: 'production', DATABASE_URL: production.DATABASE_URL })
    )
    t.throws(() => readConfig({ NODE_ENV: 'production' }), {
      message: 'DATABASE_URL must be set when NODE_ENV is production'
    })
  })
})
