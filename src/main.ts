import { createServer, type AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { databaseFailure } from './adapters/database-failure.ts'
import { openDatabase } from './adapters/database.ts'
import { localFolder, localSecret, localSigningKey } from './adapters/local-keys.ts'
import { pinoLog } from './adapters/pino-log.ts'
import { prismaUserDirectory } from './adapters/prisma-user-directory.ts'
import type { Metrics } from './adapters/prometheus-metrics.ts'
import { sweep } from './adapters/sweep.ts'
import { buildApp } from './app.ts'
import { bringUpToDate } from './bring-up-to-date.ts'
import { fittedToThreadPool, loadConfig, type Config } from './config.ts'
import { addDemoUser, greeting } from './demo.ts'
import { metricsServer } from './http/metrics-server.ts'
import { portsOf } from './ports.ts'

async function start (config: Config) {
  const port = await freePort(config.host, config.port)
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
  const log = pinoLog(config.logLevel, { gathering: config.production })

  const fitted = fittedToThreadPool(config)
  if (fitted.argon2.concurrency < config.argon2.concurrency) log.warn({ atOnce: fitted.argon2.concurrency }, 'fewer hashes at once than ARGON2_CONCURRENCY: the thread pool is too small; use npm start or set UV_THREADPOOL_SIZE')

  const database = await openDatabase(config.databaseUrl, {
    onError: error => log.warn({ err: error }, 'an idle database connection broke; the next query opens another')
  })
  await bringUpToDate(database, config)

  const secrets = config.secrets ?? [localSecret(localFolder)] as const
  const metrics = config.metricsPort === undefined ? undefined : (await import('./adapters/prometheus-metrics.ts')).prometheusMetrics()
  const ports = await portsOf(fitted, database, secrets, log, metrics)

  const app = await buildApp(ports, {
    ...config,
    issuer: config.issuer ?? url,
    audience: config.audience ?? url,
    secrets,
    signingKeys: config.signingKeys ?? [localSigningKey(localFolder)]
  }, log)
  app.addHook('onClose', database.close)
  const chores = [
    setInterval(() => sweep(database.prisma, ports.clock()).catch(putOff('old counters and sessions could not be removed', log)), 60_000),
    setInterval(() => ports.countryTraffic.share(ports.clock()).catch(putOff('texts and right codes could not be added up', log)), 5_000)
  ]
  app.addHook('onClose', async () => {
    for (const chore of chores) clearInterval(chore)
    await ports.countryTraffic.share(ports.clock()).catch(putOff('texts and right codes could not be added up', log))
  })

  // Always there: in the moment in which nothing listens to a signal, it ends the process.
  const stayAlive = () => {}
  process.on('SIGTERM', stayAlive).on('SIGINT', stayAlive)
  let stopping = false
  // Kept alive, the connection of a request that was under way when the stop began would hold up the stop for a minute.
  app.addHook('onSend', async (_request, reply) => { if (stopping) reply.header('connection', 'close') })
  closeWithGrace({ delay: config.shutdownTimeoutMs, logger: log }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'stopping after an error nobody caught')
    else log.info({ signal }, 'stopping: no new connections, requests under way are finished')
    // Under npm a signal may come twice, from the terminal or the supervisor and from npm; the second is no reason to cut
    // a request off. What ends a stop that takes too long is the delay.
    if (signal !== undefined) {
      for (const listener of process.listeners(signal)) if (listener !== stayAlive) process.removeListener(signal, listener)
    }
    stopping = true
    // A client that stalls in the middle of its request must not keep the database from being closed in order.
    setTimeout(() => app.server.closeAllConnections(), config.shutdownTimeoutMs * 0.8).unref()
    await app.close()
  })

  if (metrics !== undefined) await serveMetrics(app, metrics, config, log)
  await app.listen({ host: config.host, port })
  if (!config.production && config.twilio === null) {
    console.log(greeting(url, await addDemoUser(prismaUserDirectory(database.prisma), ports.passwords)))
  }
}

/** A chore that fails is done the next time. */
const putOff = (what: string, log: Logger) => (error: unknown) => log.warn({ err: error }, `${what}; the next time will do it`)

/** Counts what `app` answers, and shows it on a port of its own for as long as `app` runs. */
async function serveMetrics (app: FastifyInstance, metrics: Metrics, { host, metricsPort }: Config, log: Logger) {
  app.addHook('onResponse', async ({ method, routeOptions }, { statusCode: status, elapsedTime }) => {
    metrics.answered({ method, route: routeOptions.url ?? 'none', status, seconds: elapsedTime / 1000 })
  })
  const server = metricsServer(metrics)
  app.addHook('onClose', () => server.close())
  const address = await server.listen({ host, port: metricsPort ?? 0 }).catch(error => { throw new Error(`METRICS_PORT won't do: ${error.message}`) })
  log.info(`Metrics at ${address}/metrics`)
}

/**
 * This port, or for 0 one that nobody listens on; throws when it can't be had. Asked for before listening: the tokens'
 * issuer names it, and a mistake shows before the database is touched.
 */
function freePort (host: string, wanted: number) {
  return new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once('error', error => reject(new Error(`HOST and PORT won't do: ${error.message}`)))
    server.listen(wanted, host, () => {
      const { port } = server.address() as AddressInfo // A TCP server's address is never a path.
      server.close(() => resolve(port))
    })
  })
}

let url = ''
try {
  const config = loadConfig({ serving: true })
  url = config.databaseUrl
  await start(config)
} catch (error) {
  console.error(`sms-login can't start: ${databaseFailure(error, url)}`)
  process.exit(1)
}
