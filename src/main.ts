import { createServer, type AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import { argon2Passwords } from './adapters/argon2-passwords.ts'
import { inCountries } from './adapters/allowed-countries-sms.ts'
import { databaseFailure } from './adapters/database-failure.ts'
import { databaseOutage } from './adapters/database-outage.ts'
import { databaseReady } from './adapters/database-ready.ts'
import { openDatabase } from './adapters/database.ts'
import { localSecret, localSigningKey } from './adapters/local-keys.ts'
import { pinoLog } from './adapters/pino-log.ts'
import { prismaChallenges } from './adapters/prisma-challenges.ts'
import { prismaUserDirectory } from './adapters/prisma-user-directory.ts'
import { prismaUsers } from './adapters/prisma-users.ts'
import { terminalSms } from './adapters/terminal-sms.ts'
import { buildApp } from './app.ts'
import { bringUpToDate } from './bring-up-to-date.ts'
import { loadConfig, type Config } from './config.ts'
import { addDemoUser, greeting } from './demo.ts'

const localFolder = 'data'

async function start (config: Config) {
  const port = await freePort(config.host, config.port)
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
  const log = pinoLog(config.logLevel)

  const database = await openDatabase(config.databaseUrl, {
    onError: error => log.warn({ err: error }, 'an idle database connection broke; the next query opens another')
  })
  await bringUpToDate(database, config)

  const passwords = await argon2Passwords(config.argon2)
  const { twilio } = config
  // The SDK takes a third of a second to load: only for those who use it.
  const sender = twilio === null ? terminalSms(console.log) : (await import('./adapters/twilio-sms.ts')).twilioSms(twilio, log)

  const app = await buildApp({
    users: prismaUsers(database.prisma),
    challenges: prismaChallenges(database.prisma),
    passwords,
    sms: inCountries(config.countries, sender, log),
    clock: () => new Date(),
    isReady: () => databaseReady(database.engine),
    outageOf: error => databaseOutage(error, config.databaseUrl)
  }, {
    ...config,
    issuer: config.issuer ?? url,
    audience: config.audience ?? url,
    secrets: config.secrets ?? [localSecret(localFolder)],
    signingKeys: config.signingKeys ?? [localSigningKey(localFolder)]
  }, log)
  app.addHook('onClose', database.close)

  let stopping = false
  // Kept alive, the connection of a request that was under way when the stop began would hold up the stop for a minute.
  app.addHook('onSend', async (_request, reply) => { if (stopping) reply.header('connection', 'close') })
  closeWithGrace({ delay: config.shutdownTimeoutMs, logger: log }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'stopping after an error nobody caught')
    else log.info({ signal }, 'stopping: no new connections, requests under way are finished')
    // Under npm a signal may come twice, from the terminal or the supervisor and from npm; the second is no reason to cut
    // a request off. What ends a stop that takes too long is the delay.
    if (signal !== undefined) process.removeAllListeners(signal).on(signal, () => {})
    stopping = true
    // A client that stalls in the middle of its request must not keep the database from being closed in order.
    setTimeout(() => app.server.closeAllConnections(), config.shutdownTimeoutMs * 0.8).unref()
    await app.close()
  })

  await app.listen({ host: config.host, port })
  if (!config.production && twilio === null) {
    console.log(greeting(url, await addDemoUser(prismaUserDirectory(database.prisma), passwords)))
  }
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
