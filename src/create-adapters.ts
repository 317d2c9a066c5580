import type { Logger } from 'pino'
import { createPasswords } from './adapters/secrets/passwords.ts'
import { loadCommonPasswords } from './adapters/secrets/load-common-passwords.ts'
import { classifyDatabaseError } from './adapters/postgres/classify-database-error.ts'
import { databaseReady } from './adapters/postgres/database-ready.ts'
import { createDatabaseRecovery } from './adapters/postgres/database-recovery.ts'
import type { Database } from './adapters/postgres/database.ts'
import { countryOf, createPhoneCheck } from './adapters/sms/libphonenumber-phones.ts'
import { createSecurityLog } from './adapters/logs/security-log.ts'
import { createSessionRequestLimiter } from './adapters/stores/session-request-limiter.ts'
import { createRateLimitStore } from './adapters/stores/rate-limits.ts'
import { createAccountStore } from './adapters/stores/accounts.ts'
import { createChallengeStore } from './adapters/stores/challenges.ts'
import { createCountryTraffic } from './adapters/stores/country-traffic.ts'
import { createPhoneChangeStore } from './adapters/stores/phone-changes.ts'
import { createSharedState } from './adapters/stores/shared-state.ts'
import { createSessionStore } from './adapters/stores/sessions.ts'
import { createUserDirectory } from './adapters/stores/user-directory.ts'
import { createUserStore } from './adapters/stores/users.ts'
import { createSharedReadiness } from './adapters/postgres/shared-readiness.ts'
import type { SmsLog } from './adapters/sms/twilio-sms.ts'
import type { Metrics } from './adapters/logs/prometheus-metrics.ts'
import { createTerminalSms } from './adapters/sms/terminal-sms.ts'
import { createAllowedNumbersSms } from './adapters/sms/allowed-numbers-sms.ts'
import { noMessageFeedback } from './adapters/sms/no-message-feedback.ts'
import { noStatusCallbacks } from './adapters/sms/no-status-callbacks.ts'
import { createRecoveryNotingSms } from './adapters/sms/recovery-noting-sms.ts'
import { createTrackedSms } from './adapters/sms/tracked-sms.ts'
import type { Config } from './config/config.ts'
import { deriveKey } from './domain/derive-key.ts'

/**
 * Creates the adapters of all ports. The first of `secrets` keys the rate limits, so that the
 * database never contains the names, numbers and addresses that are counted.
 */
export async function createAdapters(
  config: Config,
  database: Database,
  secrets: readonly [Buffer, ...Buffer[]],
  log: Logger,
  metrics: Metrics | undefined
) {
  const { prisma } = database
  const { twilio, countries, policy } = config
  const events =
    metrics === undefined ? createSecurityLog(log) : metrics.counting(createSecurityLog(log))
  const smsLog = metrics?.countingLines(log) ?? log
  const { sender, statusCallbacks, messageFeedback } = await createSmsProvider(twilio, smsLog)
  const timedSender = metrics?.timing(sender) ?? sender
  const clock = () => new Date()
  const rateLimits = createRateLimitStore(prisma, secrets[0])
  const [, ...otherSecrets] = secrets
  const databaseRecovery = createDatabaseRecovery(database, events)
  const decoyKey = deriveKey(secrets[0], 'decoy')
  const passwords = createPasswords(config.argon2, decoyKey, metrics?.hashes)
  const isReady = createSharedReadiness(() => databaseReady(database), clock)
  metrics?.observe({
    hashQueue: passwords.queueState,
    connections: database.connections,
    sharedState: createSharedState({ prisma, isReady, clock, policy })
  })
  return {
    users: {
      ...createUserStore(prisma, rateLimits, policy),
      ...createAccountStore(prisma, rateLimits)
    },
    challenges: createChallengeStore(prisma, rateLimits, policy),
    phoneChanges: createPhoneChangeStore(prisma),
    sessions: createSessionStore(prisma, rateLimits, policy),
    passwords,
    commonPasswords: loadCommonPasswords,
    sms: createTrackedSms(
      createAllowedNumbersSms(
        { countries, testNumbers: policy.testNumbers },
        createRecoveryNotingSms(timedSender, events),
        smsLog
      )
    ),
    statusCallbacks,
    messageFeedback,
    rateLimits,
    allRateLimits: [
      rateLimits,
      ...otherSecrets.map(secret => createRateLimitStore(prisma, secret))
    ],
    // Half of the ten database connections.
    sessionRequests: createSessionRequestLimiter({ concurrency: 5, queue: 64, patienceMs: 2000 }),
    // Leaves two connections to logins, even while both kinds of requests use all of theirs.
    adminRequests: createSessionRequestLimiter({ concurrency: 3, queue: 256, patienceMs: 5000 }),
    directory: createUserDirectory(prisma),
    countryTraffic: createCountryTraffic(
      prisma,
      { ...policy.conversion, codeTtl: policy.codeTtl },
      events
    ),
    countryOf,
    checkPhone: createPhoneCheck(countries),
    events,
    clock,
    isReady,
    outageOf: (error: unknown) => classifyDatabaseError(error, config.databaseUrl),
    databaseFailed(reason: string) {
      metrics?.countLogged({ event: 'database.failed', reason })
      databaseRecovery.failed(reason)
    },
    databaseRecovery
  }
}

/** Twilio, or the terminal without an account. */
async function createSmsProvider(twilio: Config['twilio'], log: SmsLog) {
  if (twilio === null)
    return {
      sender: createTerminalSms(console.log),
      statusCallbacks: noStatusCallbacks,
      messageFeedback: noMessageFeedback
    }
  // Loaded only if needed, because the SDK takes a third of a second to load.
  const { createTwilioSms } = await import('./adapters/sms/twilio-sms.ts')
  const { createTwilioCallbacks } = await import('./adapters/sms/twilio-callbacks.ts')
  const { createTwilioFeedback } = await import('./adapters/sms/twilio-feedback.ts')
  const { publicUrl, feedback } = twilio
  return {
    sender: createTwilioSms(twilio, log),
    statusCallbacks:
      publicUrl === undefined ? noStatusCallbacks : createTwilioCallbacks({ ...twilio, publicUrl }),
    messageFeedback: feedback ? createTwilioFeedback(twilio, log) : noMessageFeedback
  }
}
