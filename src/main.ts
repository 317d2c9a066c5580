import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import type { Metrics } from './adapters/logs/prometheus-metrics.ts'
import { createPinoLog } from './adapters/logs/pino-log.ts'
import { failureLine } from './adapters/postgres/classify-database-error.ts'
import { hasEnded } from './domain/codes/test-numbers.ts'
import { maskPhone } from './domain/users/mask-phone.ts'
import { openDatabase } from './adapters/postgres/database.ts'
import { isUnencrypted } from './adapters/postgres/server-url.ts'
import { dataFolder, localSecret, localSigningKey } from './adapters/secrets/local-keys.ts'
import { buildAdminApp } from './admin-app.ts'
import { buildApp } from './app.ts'
import { ensureMigrated } from './commands/ensure-migrated.ts'
import { languagesTooLong, loadConfig, productionWarnings, type Config } from './config/config.ts'
import { createAdapters } from './create-adapters.ts'
import { addDemoUser, greeting } from './demo/first-run.ts'
import { createMetricsServer } from './http/connections/metrics-server.ts'
import { freePort } from './runtime/free-port.ts'
import { repairPhonesUntilClosed, runTimers } from './runtime/run-timers.ts'
import { stopOnSignals } from './runtime/stop-on-signals.ts'
import { exitWithoutTerminal, onTerminalGone, surviveSignals } from './runtime/terminal-hang-up.ts'
import { capConcurrencyToThreadPool } from './runtime/thread-pool.ts'

async function start(config: Config) {
  const port = await freePort(config.host, config.port)
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
  const log = createPinoLog(config.logLevel, { buffered: config.production })
  const cappedConfig = capConcurrencyToThreadPool(config)
  logWarnings(config, cappedConfig, url, log)

  const database = await openDatabase(config.databaseUrl, {
    onError: error =>
      log.warn({ err: error }, 'an idle database connection broke; the next query opens another')
  })
  await ensureMigrated(database, config)

  const secrets = config.secrets ?? ([localSecret(dataFolder)] as const)
  const metrics = config.metricsPort === undefined ? undefined : await createMetrics()
  const ports = await createAdapters(cappedConfig, database, secrets, log, metrics)
  const app = await buildApp(
    ports,
    {
      ...config,
      issuer: config.issuer ?? url,
      audience: config.audience ?? url,
      secrets,
      signingKeys: config.signingKeys ?? [localSigningKey(dataFolder)]
    },
    log
  )
  app.addHook('onClose', database.close)
  app.addHook('onClose', () => ports.sms.settled())
  app.addHook('onClose', async () => ports.databaseRecovery.stop())

  const { prisma } = database
  await runTimers(app, { ...ports, prisma, policy: config.policy, log })
  repairPhonesUntilClosed(app, { prisma, log })
  const apps = [app, ...(await adminApps(ports, secrets, config, log))] as const
  const [, admin] = apps
  if (admin !== undefined) app.addHook('onClose', () => admin.close())
  stopWithTerminal = stopOnSignals(apps, config, log)
  if (metrics !== undefined) await serveMetrics(apps, metrics, config, log)
  await admin?.listen(adminAddress(config)).catch(error => {
    throw new Error(`ADMIN_PORT can't be used: ${error.message}`)
  })
  await app.listen({ host: config.host, port })
  if (!config.production && config.twilio === null)
    console.log(greeting(url, await addDemoUser(ports.directory, ports.passwords)))
}

/** Logs settings that work but are probably mistakes. */
function logWarnings(config: Config, { argon2 }: Config, url: string, log: Logger) {
  for (const warning of productionWarnings(config, url)) log.warn(warning)
  if (argon2.concurrency < config.argon2.concurrency)
    log.warn(
      { atOnce: argon2.concurrency },
      'fewer concurrent hashes than ARGON2_CONCURRENCY: the thread pool is too small; ' +
        'use npm start or set UV_THREADPOOL_SIZE'
    )
  for (const tooLong of languagesTooLong(config))
    log.warn(
      tooLong,
      'messages in this language do not fit with SMS_BRAND, SMS_ORIGIN and SMS_ANDROID_HASH; ' +
        'they are sent in English'
    )
  const testNumbers = [...config.policy.testNumbers].map(([phone, number]) => {
    const ends = hasEnded(number, new Date()) ? 'ended on' : 'until'
    return `${maskPhone(phone)} ${ends} ${number.lastDay}`
  })
  if (testNumbers.length > 0)
    log.warn(
      { testNumbers },
      'TEST_NUMBERS is set: logins with these numbers get no message and have a fixed code'
    )
  if (config.production && isUnencrypted(config.databaseUrl))
    log.warn(
      'the connection to the database is not encrypted; add sslmode=verify-full to DATABASE_URL'
    )
}

/** The admin API, or nothing when it is off. */
const adminApps = async (
  ports: Awaited<ReturnType<typeof createAdapters>>,
  secrets: readonly [Buffer, ...Buffer[]],
  config: Config,
  log: Logger
) =>
  config.adminPort === undefined
    ? []
    : [
        await buildAdminApp(
          { ...ports, users: ports.directory, policy: config.policy },
          { ...config, apiKeyHashes: config.apiKeyHashes ?? [], secrets },
          log
        )
      ]

const adminAddress = ({ host, adminPort = 0 }: Config) => ({
  host,
  port: adminPort,
  listenTextResolver: (url: string) => `Admin API at ${url}`
})

const createMetrics = async () =>
  (await import('./adapters/logs/prometheus-metrics.ts')).createPrometheusMetrics()

/**
 * Counts the responses of `apps` and serves the metrics on their own port until the first of them
 * closes.
 */
async function serveMetrics(
  apps: readonly [FastifyInstance, ...FastifyInstance[]],
  metrics: Metrics,
  { host, metricsPort }: Config,
  log: Logger
) {
  for (const app of apps)
    app.addHook(
      'onResponse',
      async ({ method, routeOptions }, { statusCode: status, elapsedTime }) => {
        metrics.recordResponse({
          method,
          route: routeOptions.url ?? 'none',
          status,
          seconds: elapsedTime / 1000
        })
      }
    )
  const server = createMetricsServer(metrics, log)
  apps[0].addHook('onClose', () => server.close())
  const listenTextResolver = (url: string) => `Metrics at ${url}/metrics`
  await server.listen({ host, port: metricsPort ?? 0, listenTextResolver }).catch(error => {
    throw new Error(`METRICS_PORT can't be used: ${error.message}`)
  })
}

surviveSignals()
exitWithoutTerminal()
let stopWithTerminal: () => void = () => process.exit()
onTerminalGone(() => stopWithTerminal())

let url = ''
try {
  const config = loadConfig({ serving: true })
  url = config.databaseUrl
  await start(config)
} catch (error) {
  console.error(`sms-login can't start: ${failureLine(error, url)}`)
  process.exit(1)
}
