import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { loadEnvFile } from 'node:process'
import { z } from 'zod'
import { confirmationTemplates, countries, databaseUrl, domainName, environmentName, limit, origins, privateKeys, proxies, safeUrl, secrets, whole } from './config-values.ts'
import { roomForSentence } from './domain/code-text.ts'
import { readTemplate, type ConfirmationTemplate } from './domain/confirmation-template.ts'
import { septets } from './domain/gsm7.ts'
import { textsOf } from './texts-of.ts'

/** What may be configured: each variable with its check and its default. What they mean is told in `.env.example`. */
const variables = z.object({
  NODE_ENV: environmentName().optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: whole(0, 65535).default(3000),
  DATABASE_URL: databaseUrl().default('pglite:./data/pglite'),
  SECRET: secrets().optional(),
  JWT_PRIVATE_KEY: privateKeys().optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  ACCESS_TOKEN_TTL: whole(1, 86400).default(900),
  REFRESH_TOKEN_TTL: whole(1, 31536000).default(3600),
  SESSION_TTL: whole(1, 31536000).default(86400),
  CODE_LENGTH: whole(6, 8).default(6),
  CODE_TTL: whole(1, 600).default(60),
  CHALLENGE_TTL: whole(1, 600).default(600),
  CODE_ATTEMPTS: whole(1, 10).default(5),
  RESEND_COOLDOWN: whole(0, 600).default(30),
  LIMIT_IP_PER_MINUTE: limit().default(60),
  LIMIT_PASSWORD_FAILURES: limit().default(10),
  LIMIT_CODE_FAILURES: whole(0, 100).default(5),
  LIMIT_TEXTS_PER_PHONE_HOUR: limit().default(6),
  LIMIT_TEXTS_PER_PHONE_DAY: limit().default(20),
  LIMIT_TEXTS_PER_IP_HOUR: limit().optional(),
  LIMIT_TEXTS_PER_COUNTRY_HOUR: limit().default(0),
  LIMIT_TEXTS_PER_HOUR: limit().default(0),
  SMS_CONVERSION_FLOOR: whole(0, 100).default(10),
  SMS_CONVERSION_VOLUME: whole(20, 1000000).default(500),
  SMS_CONVERSION_PAUSE: whole(1, 86400).default(900),
  SMS_COUNTRIES: countries().optional(),
  SMS_BRAND: z.string().regex(/^[A-Za-z0-9 .&'+-]{1,30}$/, "must be 1 to 30 letters, digits, spaces or .&'+-").default('sms-login'),
  SMS_MESSAGES: z.string().optional(),
  SMS_ORIGIN: domainName().optional(),
  SMS_ANDROID_HASH: z.string().regex(/^[A-Za-z0-9+/]{11}$/, 'must be the 11 characters that SMS Retriever knows your app by').optional(),
  TWILIO_ACCOUNT_SID: z.string().regex(/^AC\w+$/, 'must be what Twilio calls the Account SID, AC…').optional(),
  TWILIO_AUTH_TOKEN: z.string().optional(),
  TWILIO_FROM: z.string().regex(/^(\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11})$/, 'must be a number in E.164 form, a short code or a sender name').optional(),
  TWILIO_MESSAGING_SERVICE_SID: z.string().regex(/^MG\w+$/, 'must be what Twilio calls the SID of a Messaging Service, MG…').optional(),
  TWILIO_BASE_URL: safeUrl().optional(),
  TWILIO_TIMEOUT_MS: whole(100, 60000).default(5000),
  CONFIRMATION_TEMPLATES: confirmationTemplates().optional(),
  CONFIRMATION_MAX_AUTH_AGE: whole(1, 86400).default(900),
  CORS_ORIGINS: origins().default([]),
  TRUST_PROXY: proxies().default([]),
  ARGON2_MEMORY_KIB: whole(1024, 4194304).default(19456),
  ARGON2_TIME: whole(1, 100).default(2),
  // libuv's pool has 1024 threads at most.
  ARGON2_CONCURRENCY: whole(1, 1020).default(availableParallelism()),
  ARGON2_QUEUE: whole(0, 100000).default(64),
  DOCS: z.enum(['on', 'off'], 'must be on or off').optional(),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'must be fatal, error, warn, info, debug, trace or silent').default('info'),
  METRICS_PORT: whole(0, 65535).optional(),
  SHUTDOWN_TIMEOUT_MS: whole(1, 600000).default(10000)
})

const sampleTemplates = new Map([['transfer', readTemplate('Send {amount} {currency} to {payee}')]])

/** The names of all variables there are. */
export const variableNames = Object.keys(variables.shape)

export type Config = ReturnType<typeof readConfig>

/**
 * The configuration of this process: its environment, and a `.env` file in the working directory for what that leaves
 * open. Throws like `readConfig`, and for a server (`serving`) also like `checkProduction`.
 */
export function loadConfig ({ serving = false } = {}): Config {
  if (existsSync('.env')) loadEnvFile()
  const config = readConfig(process.env)
  if (serving) checkProduction(config)
  return config
}

/** Threads that files and look-ups of hosts have for themselves. Not more: each that ever hashed keeps a hash's memory. */
const threadsKeptFree = 2

/**
 * Has Node make its pool of threads so much larger than what hashes passwords that nothing waits behind a flood of logins.
 * What the operator said with UV_THREADPOOL_SIZE stays. Heeded only before the pool is first used.
 */
export function sizeThreadPool ({ argon2 }: Config) {
  process.env['UV_THREADPOOL_SIZE'] ||= String(argon2.concurrency + threadsKeptFree)
}

/** The configuration with no more hashes at once than leave those threads free, whatever the pool's size came to be. */
export function fittedToThreadPool (config: Config): Config {
  // As libuv reads it: 4 when it isn't set, 1 for what isn't a number.
  const threads = Number.parseInt(process.env['UV_THREADPOOL_SIZE'] ?? '4') || 1
  const { argon2 } = config
  return { ...config, argon2: { ...argon2, concurrency: Math.max(1, Math.min(argon2.concurrency, threads - threadsKeptFree)) } }
}

/** Checks an environment. Throws an Error whose message names the first variable that won't do, and why, without its value. */
export function readConfig (environment: NodeJS.ProcessEnv) {
  // An empty line in a .env file means "not set".
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const checked = variables.safeParse(given)
  if (!checked.success) {
    const [issue] = checked.error.issues
    throw new Error(`${issue?.path[0]?.toString()} ${issue?.message}`)
  }
  const env = checked.data
  const production = env.NODE_ENV === 'production'
  if (env.CODE_TTL > env.CHALLENGE_TTL) throw new Error('CODE_TTL must not be greater than CHALLENGE_TTL')
  if (env.METRICS_PORT === env.PORT && env.PORT !== 0) throw new Error('METRICS_PORT must not be the same as PORT')
  if (production && given['DATABASE_URL'] === undefined) throw missing('DATABASE_URL')

  const texts = textsOf({ brand: env.SMS_BRAND, origin: env.SMS_ORIGIN ?? null, androidHash: env.SMS_ANDROID_HASH ?? null, folder: env.SMS_MESSAGES, codeLength: env.CODE_LENGTH })
  const templates = env.CONFIRMATION_TEMPLATES ?? (production ? new Map<string, ConfirmationTemplate>() : sampleTemplates)
  for (const [action, { placeholders, sentence }] of templates) {
    // Ten characters for each value, or hardly any action could be told.
    if (roomForSentence(texts, env.CODE_LENGTH) - septets(sentence.replaceAll(/\{\w+\}/g, '')) < 10 * placeholders.length) {
      throw new Error(`CONFIRMATION_TEMPLATES won't do: beside the sentence for ${action}, SMS_BRAND and SMS_ORIGIN, a text message has too little room for its values`)
    }
  }

  return {
    production,
    host: env.HOST,
    port: env.PORT,
    databaseUrl: env.DATABASE_URL,
    /** Undefined, like the keys: made at the first start and kept. */
    secrets: env.SECRET,
    signingKeys: env.JWT_PRIVATE_KEY?.keys,
    /** For each of them the file that it is in; undefined for one that the variable itself holds. */
    signingKeyFiles: env.JWT_PRIVATE_KEY?.files,
    /** Undefined: the address it listens on, which is also the audience's default. */
    issuer: env.JWT_ISSUER,
    audience: env.JWT_AUDIENCE ?? env.JWT_ISSUER,
    accessTokenTtl: env.ACCESS_TOKEN_TTL,
    codeLength: env.CODE_LENGTH,
    policy: {
      codeTtl: env.CODE_TTL,
      challengeTtl: env.CHALLENGE_TTL,
      codeAttempts: env.CODE_ATTEMPTS,
      resendCooldown: env.RESEND_COOLDOWN,
      texts,
      refreshTokenTtl: env.REFRESH_TOKEN_TTL,
      sessionTtl: env.SESSION_TTL,
      confirmationTemplates: templates,
      confirmationMaxAge: env.CONFIRMATION_MAX_AUTH_AGE,
      limits: {
        requests: env.LIMIT_IP_PER_MINUTE,
        passwordFailures: env.LIMIT_PASSWORD_FAILURES,
        codeFailures: env.LIMIT_CODE_FAILURES,
        textsPerPhoneHour: env.LIMIT_TEXTS_PER_PHONE_HOUR,
        textsPerPhoneDay: env.LIMIT_TEXTS_PER_PHONE_DAY,
        textsPerNetworkHour: env.LIMIT_TEXTS_PER_IP_HOUR ?? 5 * env.LIMIT_IP_PER_MINUTE,
        textsPerCountryHour: env.LIMIT_TEXTS_PER_COUNTRY_HOUR,
        textsPerHour: env.LIMIT_TEXTS_PER_HOUR
      },
      conversion: { floor: env.SMS_CONVERSION_FLOOR, volume: env.SMS_CONVERSION_VOLUME, pause: env.SMS_CONVERSION_PAUSE }
    },
    /** Undefined: all. */
    countries: env.SMS_COUNTRIES,
    twilio: twilio(env),
    corsOrigins: env.CORS_ORIGINS,
    trustedProxies: env.TRUST_PROXY,
    /** No variable: what people log in with in production is the operator's own page. */
    demoPage: !production,
    docs: env.DOCS === undefined ? !production : env.DOCS === 'on',
    argon2: { memoryKib: env.ARGON2_MEMORY_KIB, time: env.ARGON2_TIME, concurrency: env.ARGON2_CONCURRENCY, queue: env.ARGON2_QUEUE },
    logLevel: env.LOG_LEVEL,
    /** Undefined: no metrics. */
    metricsPort: env.METRICS_PORT,
    shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT_MS
  }
}

/** What is a convenience elsewhere has to be there for real in production. Throws like `readConfig`. */
export function checkProduction ({ production, secrets, signingKeys, twilio, countries, policy }: Config) {
  if (!production) return
  if (secrets === undefined) throw missing('SECRET')
  if (signingKeys === undefined) throw missing('JWT_PRIVATE_KEY')
  if (twilio === null) throw missing('TWILIO_ACCOUNT_SID')
  if (countries === undefined) throw missing('SMS_COUNTRIES')
  if (policy.limits.codeFailures === 0) throw new Error('LIMIT_CODE_FAILURES must not be 0 when NODE_ENV is production')
}

const missing = (variable: string) => new Error(`${variable} must be set when NODE_ENV is production`)

/** Null when nothing of Twilio is set: texts are then printed. */
function twilio (env: z.infer<typeof variables>) {
  const { TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken, TWILIO_FROM: from, TWILIO_MESSAGING_SERVICE_SID: service } = env
  if (accountSid === undefined && authToken === undefined && from === undefined && service === undefined) return null
  if (accountSid === undefined) throw new Error('TWILIO_ACCOUNT_SID must be set when another TWILIO variable is')
  if (authToken === undefined) throw new Error('TWILIO_AUTH_TOKEN must be set when TWILIO_ACCOUNT_SID is')
  const sender = from !== undefined ? { from } : service !== undefined ? { messagingServiceSid: service } : undefined
  if (sender === undefined) throw new Error('TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID must be set when TWILIO_ACCOUNT_SID is')
  if (from !== undefined && service !== undefined) throw new Error('TWILIO_FROM and TWILIO_MESSAGING_SERVICE_SID must not both be set')
  return {
    accountSid,
    authToken,
    sender,
    timeoutMs: env.TWILIO_TIMEOUT_MS,
    ...(env.TWILIO_BASE_URL === undefined ? {} : { baseUrl: env.TWILIO_BASE_URL })
  }
}
