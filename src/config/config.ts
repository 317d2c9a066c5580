import { existsSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { loadEnvFile } from 'node:process'
import { z } from 'zod'
import {
  audience,
  checkSpelling,
  confirmationTemplates,
  countries,
  databaseUrl,
  domainName,
  environmentName,
  limit,
  onOrOff,
  origins,
  privateKeys,
  proxies,
  publicUrl,
  safeUrl,
  secrets,
  sha256Hashes,
  texts,
  whole
} from './parsers.ts'
import {
  hasRoomForSentence,
  languagesWithoutRoom,
  type MessageSettings
} from '../domain/messages/compose-message.ts'
import type { ConversionPolicy } from '../domain/messages/sms-pumping.ts'
import type { Limits } from '../domain/rate-limits/limits.ts'
import {
  exampleOf,
  parseTemplate,
  type ConfirmationTemplate
} from '../domain/confirmations/confirmation-template.ts'
import { createMessageSettings } from './message-settings.ts'
import { parseTestNumbers } from './test-numbers.ts'
import { withValueFiles } from './value-files.ts'

/** The check and the default of each variable. `.env.example` documents them. */
const variables = z.object({
  NODE_ENV: environmentName().optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: whole(0, 65535).default(3000),
  DATABASE_URL: databaseUrl().default('pglite:./data/pglite'),
  SECRET: secrets().optional(),
  JWT_PRIVATE_KEY: privateKeys().optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: audience().optional(),
  ACCESS_TOKEN_TTL: whole(1, 86400).default(900),
  REFRESH_TOKEN_TTL: whole(1, 31536000).default(3600),
  SESSION_TTL: whole(1, 31536000).default(86400),
  REAUTH_MAX_AGE: whole(1, 86400).default(900),
  CODE_LENGTH: whole(6, 8).default(6),
  CODE_TTL: whole(1, 600).default(60),
  CHALLENGE_TTL: whole(1, 600).default(600),
  CODE_ATTEMPTS: whole(1, 10).default(5),
  RESEND_COOLDOWN: whole(0, 600).default(30),
  LIMIT_IP_PER_MINUTE: limit().default(60),
  LIMIT_READS_PER_SESSION_MINUTE: limit().default(600),
  LIMIT_READS_PER_IP_MINUTE: limit().default(6000),
  LIMIT_PASSWORD_FAILURES: limit().default(10),
  LIMIT_CODE_FAILURES: whole(0, 100).default(5),
  LIMIT_TEXTS_PER_PHONE_HOUR: limit().optional(),
  LIMIT_TEXTS_PER_PHONE_DAY: limit().optional(),
  LIMIT_TEXTS_PER_IP_HOUR: limit().optional(),
  LIMIT_TEXTS_PER_COUNTRY_HOUR: limit().default(0),
  LIMIT_TEXTS_PER_HOUR: limit().default(0),
  SMS_CONVERSION_FLOOR: whole(0, 100).optional(),
  SMS_CONVERSION_VOLUME: whole(20, 1000000).default(500),
  SMS_CONVERSION_PAUSE: whole(1, 86400).default(900),
  SMS_COUNTRIES: countries().optional(),
  SMS_BRAND: z
    .string()
    .regex(/^[A-Za-z0-9 .&'+-]{1,30}$/, "must be 1 to 30 letters, digits, spaces or .&'+-")
    .default('sms-login'),
  SMS_MESSAGES: z.string().optional(),
  SMS_ORIGIN: domainName().optional(),
  SMS_ANDROID_HASH: z
    .string()
    .regex(/^[A-Za-z0-9+/]{11}$/, 'must be the 11-character hash of your app for SMS Retriever')
    .optional(),
  TWILIO_ACCOUNT_SID: z
    .string()
    .regex(/^AC\w+$/, "must be Twilio's Account SID, AC…")
    .optional(),
  TWILIO_AUTH_TOKEN: texts().optional(),
  TWILIO_FROM: z
    .string()
    .regex(
      /^(\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11})$/,
      'must be a number in E.164 form, a short code or a sender name'
    )
    .optional(),
  TWILIO_MESSAGING_SERVICE_SID: z
    .string()
    .regex(/^MG\w+$/, 'must be the SID of a Twilio Messaging Service, MG…')
    .optional(),
  TWILIO_BASE_URL: safeUrl().optional(),
  TWILIO_TIMEOUT_MS: whole(100, 60000).default(5000),
  PUBLIC_URL: publicUrl().optional(),
  TWILIO_FEEDBACK: onOrOff().default('off'),
  TEST_NUMBERS: z.string().optional(),
  CONFIRMATION_TEMPLATES: confirmationTemplates().optional(),
  CONFIRMATION_MAX_AUTH_AGE: whole(1, 86400).default(900),
  CONFIRMATION_SEGMENTS: whole(1, 4).default(2),
  CORS_ORIGINS: origins().default([]),
  TRUST_PROXY: proxies().default([]),
  ARGON2_MEMORY_KIB: whole(1024, 4194304).default(19456),
  ARGON2_TIME: whole(1, 100).default(2),
  // libuv's pool has at most 1024 threads.
  ARGON2_CONCURRENCY: whole(1, 1020).default(availableParallelism()),
  ARGON2_QUEUE: whole(0, 100000).default(64),
  DOCS: onOrOff().optional(),
  LOG_LEVEL: z
    .enum(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'must be fatal, error, warn, info, debug, trace or silent'
    )
    .default('info'),
  METRICS_PORT: whole(0, 65535).optional(),
  ADMIN_PORT: whole(0, 65535).optional(),
  API_KEY_HASHES: sha256Hashes().optional(),
  API_KEY_HASHES_FILE: z.string().optional(),
  SHUTDOWN_TIMEOUT_MS: whole(1, 600000).default(10000),
  KEEP_ALIVE_TIMEOUT_MS: whole(1000, 3600000).default(72000)
})

const sampleTemplates = new Map([
  ['transfer', parseTemplate('Send {amount} {currency} to {payee}')]
])

/** The names of all variables. */
export const variableNames = Object.keys(variables.shape)

export type Config = ReturnType<typeof readConfig>

/**
 * Reads the configuration of this process from its environment. A `.env` file in the working
 * directory supplies missing variables. Throws like `readConfig`. With `serving` it also throws
 * like `checkServing`.
 */
export function loadConfig({ serving = false } = {}): Config {
  if (existsSync('.env')) loadEnvFile()
  const config = readConfig(process.env)
  if (serving) checkServing(config)
  return config
}

/**
 * Parses an environment. Throws an Error whose message names the first invalid variable and the
 * reason, without the value.
 */
export function readConfig(environment: NodeJS.ProcessEnv) {
  checkSpelling(environment, variableNames)
  // An empty line in a .env file means "not set".
  const given = withValueFiles(
    Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  )
  const env = parseVariables(given)
  const production = env.NODE_ENV === 'production'
  const databaseIsNamed = given['DATABASE_URL'] !== undefined
  checkCombinations(env)
  if (production && !databaseIsNamed) throw missing('DATABASE_URL')
  const messages = messageSettings(env)
  const templates = templatesFor(messages, env)
  const account = twilio(env)
  // Messages that are printed on the terminal cost nothing and flood no phone.
  const isPrinting = !production && account === null

  return {
    production,
    host: env.HOST,
    port: env.PORT,
    databaseUrl: env.DATABASE_URL,
    databaseIsNamed,
    /** If undefined, the first start generates it. The same holds for the keys. */
    secrets: env.SECRET,
    signingKeys: env.JWT_PRIVATE_KEY?.keys,
    /** The file of each key, or undefined for a key in the variable itself. */
    signingKeyFiles: env.JWT_PRIVATE_KEY?.files,
    /** Default: the URL on which the server listens. The audience has the same default. */
    issuer: env.JWT_ISSUER,
    audience: env.JWT_AUDIENCE ?? env.JWT_ISSUER,
    accessTokenTtl: env.ACCESS_TOKEN_TTL,
    codeLength: env.CODE_LENGTH,
    policy: {
      codeTtl: env.CODE_TTL,
      challengeTtl: env.CHALLENGE_TTL,
      codeAttempts: env.CODE_ATTEMPTS,
      resendCooldown: env.RESEND_COOLDOWN,
      messages,
      reportsDelivery: account?.publicUrl !== undefined,
      testNumbers: parseTestNumbers(env.TEST_NUMBERS, {
        codeLength: env.CODE_LENGTH,
        production,
        now: new Date()
      }),
      refreshTokenTtl: env.REFRESH_TOKEN_TTL,
      sessionTtl: env.SESSION_TTL,
      confirmationTemplates: templates,
      confirmationMaxAge: env.CONFIRMATION_MAX_AUTH_AGE,
      reauthMaxAge: env.REAUTH_MAX_AGE,
      limits: limits(env, isPrinting),
      conversion: conversion(env, isPrinting)
    },
    /** Default: all. */
    countries: env.SMS_COUNTRIES,
    twilio: account,
    corsOrigins: env.CORS_ORIGINS,
    trustedProxies: env.TRUST_PROXY,
    /** Not configurable, because in production users log in on the operator's own page. */
    demoPage: !production,
    docs: env.DOCS === undefined ? !production : env.DOCS === 'on',
    argon2: {
      memoryKib: env.ARGON2_MEMORY_KIB,
      time: env.ARGON2_TIME,
      concurrency: env.ARGON2_CONCURRENCY,
      queue: env.ARGON2_QUEUE
    },
    logLevel: env.LOG_LEVEL,
    /** Default: no metrics. */
    metricsPort: env.METRICS_PORT,
    /** Default: no admin API. */
    adminPort: env.ADMIN_PORT,
    apiKeyHashes: env.API_KEY_HASHES,
    shutdownTimeoutMs: env.SHUTDOWN_TIMEOUT_MS,
    keepAliveTimeoutMs: env.KEEP_ALIVE_TIMEOUT_MS
  }
}

type Variables = z.infer<typeof variables>

function parseVariables(given: Record<string, string | undefined>): Variables {
  const checked = variables.safeParse(given)
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  throw new Error(`${issue?.path[0]?.toString()} ${issue?.message}`)
}

/** Checks variables that are valid on their own, but not together. */
function checkCombinations(env: Variables): void {
  if (env.CODE_TTL > env.CHALLENGE_TTL)
    throw new Error('CODE_TTL must not be greater than CHALLENGE_TTL')
  // Twilio's ids of messages come with the reports of their status.
  if (env.TWILIO_FEEDBACK === 'on' && env.PUBLIC_URL === undefined)
    throw new Error('PUBLIC_URL must be set when TWILIO_FEEDBACK is on')
  const ports = { PORT: env.PORT, METRICS_PORT: env.METRICS_PORT, ADMIN_PORT: env.ADMIN_PORT }
  const names = new Map<number, string>()
  for (const [name, port] of Object.entries(ports)) {
    if (port === undefined || port === 0) continue
    const other = names.get(port)
    if (other !== undefined) throw new Error(`${name} must not be the same as ${other}`)
    names.set(port, name)
  }
}

const messageSettings = (env: Variables): MessageSettings =>
  createMessageSettings({
    brand: env.SMS_BRAND,
    origin: env.SMS_ORIGIN ?? null,
    androidHash: env.SMS_ANDROID_HASH ?? null,
    confirmationSegments: env.CONFIRMATION_SEGMENTS,
    folder: env.SMS_MESSAGES,
    codeLength: env.CODE_LENGTH
  })

/** The confirmation templates. Throws if a sentence is too long for a message. */
function templatesFor(
  messages: MessageSettings,
  env: Variables
): ReadonlyMap<string, ConfirmationTemplate> {
  const samples = env.NODE_ENV === 'production' ? [] : sampleTemplates
  const templates = env.CONFIRMATION_TEMPLATES ?? new Map(samples)
  for (const [action, template] of templates) {
    if (!hasRoomForSentence(messages, messages.wordings[0], env.CODE_LENGTH, exampleOf(template)))
      throw new Error(
        `CONFIRMATION_TEMPLATES has a sentence for ${action} that is too long: with SMS_BRAND ` +
          'and SMS_ORIGIN, the values do not fit into CONFIRMATION_SEGMENTS'
      )
  }
  return templates
}

const limits = (env: Variables, isPrinting: boolean): Limits => ({
  requests: env.LIMIT_IP_PER_MINUTE,
  requestsPerSession: env.LIMIT_READS_PER_SESSION_MINUTE,
  sessionRequestsPerNetwork: env.LIMIT_READS_PER_IP_MINUTE,
  passwordFailures: env.LIMIT_PASSWORD_FAILURES,
  codeFailures: env.LIMIT_CODE_FAILURES,
  messagesPerPhoneHour: env.LIMIT_TEXTS_PER_PHONE_HOUR ?? (isPrinting ? 0 : 6),
  messagesPerPhoneDay: env.LIMIT_TEXTS_PER_PHONE_DAY ?? (isPrinting ? 0 : 20),
  messagesPerNetworkHour:
    env.LIMIT_TEXTS_PER_IP_HOUR ?? (isPrinting ? 0 : 5 * env.LIMIT_IP_PER_MINUTE),
  messagesPerCountryHour: env.LIMIT_TEXTS_PER_COUNTRY_HOUR,
  messagesPerHour: env.LIMIT_TEXTS_PER_HOUR
})

const conversion = (env: Variables, isPrinting: boolean): ConversionPolicy => ({
  floor: env.SMS_CONVERSION_FLOOR ?? (isPrinting ? 0 : 10),
  volume: env.SMS_CONVERSION_VOLUME,
  pause: env.SMS_CONVERSION_PAUSE
})

/** The languages whose messages are too long, so that their users receive English ones. */
export const languagesTooLong = ({ codeLength, policy }: Config) =>
  languagesWithoutRoom(
    policy.messages,
    codeLength,
    policy.codeTtl,
    [...policy.confirmationTemplates.values()].map(exampleOf)
  )

/** Checks the variables that a server requires and commands don't. Throws like `readConfig`. */
export function checkServing({
  production,
  adminPort,
  apiKeyHashes,
  secrets,
  signingKeys,
  twilio,
  countries,
  policy
}: Config) {
  if (adminPort !== undefined && apiKeyHashes === undefined)
    throw new Error('API_KEY_HASHES must be set when ADMIN_PORT is')
  if (!production) return
  if (secrets === undefined) throw missing('SECRET')
  if (signingKeys === undefined) throw missing('JWT_PRIVATE_KEY')
  if (twilio === null) throw missing('TWILIO_ACCOUNT_SID')
  if (countries === undefined) throw missing('SMS_COUNTRIES')
  if (policy.limits.codeFailures === 0)
    throw new Error('LIMIT_CODE_FAILURES must not be 0 when NODE_ENV is production')
}

/**
 * A sentence for each setting that is allowed in production but probably a mistake. The server
 * listens on `url`.
 */
export function productionWarnings(
  { production, issuer, signingKeyFiles = [] }: Config,
  url: string
): string[] {
  if (!production) return []
  const openFiles = (files: string[]) => [...new Set(files)].filter(isOpenToOthers)
  const warnings: string[] = []
  if (issuer === undefined)
    warnings.push(
      `JWT_ISSUER is not set: tokens name ${url} as their issuer; set it to the public URL`
    )
  for (const file of openFiles(signingKeyFiles.filter(file => file !== undefined)))
    warnings.push(
      `JWT_PRIVATE_KEY names ${file}, which any user of this machine can read or replace`
    )
  for (const file of openFiles(['.env']))
    warnings.push(`any user of this machine can read or replace ${file}, which contains secrets`)
  return warnings
}

const isOpenToOthers = (file: string) =>
  ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o006) !== 0

const missing = (variable: string) =>
  new Error(`${variable} must be set when NODE_ENV is production`)

/** Null if no variable of Twilio is set. Then messages are printed. */
function twilio(env: Variables) {
  const {
    TWILIO_ACCOUNT_SID: accountSid,
    TWILIO_AUTH_TOKEN: authTokens,
    TWILIO_FROM: from,
    TWILIO_MESSAGING_SERVICE_SID: service
  } = env
  if (
    accountSid === undefined &&
    authTokens === undefined &&
    from === undefined &&
    service === undefined
  )
    return null
  if (accountSid === undefined)
    throw new Error('TWILIO_ACCOUNT_SID must be set when another TWILIO variable is')
  if (authTokens === undefined)
    throw new Error('TWILIO_AUTH_TOKEN must be set when TWILIO_ACCOUNT_SID is')
  return {
    accountSid,
    authTokens,
    sender: twilioSender(from, service),
    timeoutMs: env.TWILIO_TIMEOUT_MS,
    feedback: env.TWILIO_FEEDBACK === 'on',
    ...(env.TWILIO_BASE_URL === undefined ? {} : { baseUrl: env.TWILIO_BASE_URL }),
    ...(env.PUBLIC_URL === undefined ? {} : { publicUrl: env.PUBLIC_URL })
  }
}

function twilioSender(from: string | undefined, messagingServiceSid: string | undefined) {
  if (from !== undefined && messagingServiceSid !== undefined)
    throw new Error('TWILIO_FROM and TWILIO_MESSAGING_SERVICE_SID must not both be set')
  if (from !== undefined) return { from }
  if (messagingServiceSid !== undefined) return { messagingServiceSid }
  throw new Error(
    'TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID must be set when TWILIO_ACCOUNT_SID is'
  )
}
