import { createServer, type AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import { argon2Passwords } from './adapters/argon2-passwords.ts'
import { databaseFailure } from './adapters/database-failure.ts'
import { openDatabase, type Database } from './adapters/database.ts'
import { localSecret, localSigningKey } from './adapters/local-keys.ts'
import { migrate, pendingMigrations } from './adapters/migrations.ts'
import { pinoLog } from './adapters/pino-log.ts'
import { prismaChallenges } from './adapters/prisma-challenges.ts'
import { prismaUserDirectory } from './adapters/prisma-user-directory.ts'
import { prismaUsers } from './adapters/prisma-users.ts'
import { terminalSms } from './adapters/terminal-sms.ts'
import { buildApp } from './app.ts'
import { loadConfig, type Config } from './config.ts'
import { addDemoUser, greeting } from './demo.ts'

const localFolder = 'data'

async function start (config: Config) {
  const port = config.port === 0 ? await freePort(config.host) : config.port
  const url = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`
  const log = pinoLog(config.logLevel)

  const database = await openDatabase(config.databaseUrl, {
    onError: error => log.warn({ err: error }, 'an idle database connection broke; the next query opens another')
  })
  await bringUpToDate(database, config)

  const passwords = await argon2Passwords(config.argon2)
  const { twilio } = config
  // The SDK takes a third of a second to load: only for those who use it.
  const sms = twilio === null ? terminalSms(console.log) : (await import('./adapters/twilio-sms.ts')).twilioSms(twilio, log)

  const app = await buildApp({
    users: prismaUsers(database.prisma),
    challenges: prismaChallenges(database.prisma),
    passwords,
    sms,
    clock: () => new Date(),
    isReady: async () => (await pendingMigrations(database.engine).catch(() => ['unknown'])).length === 0
  }, {
    ...config,
    issuer: config.issuer ?? url,
    audience: config.audience ?? url,
    secrets: config.secrets ?? [localSecret(localFolder)],
    signingKeys: config.signingKeys ?? [localSigningKey(localFolder)]
  }, log)
  app.addHook('onClose', database.close)

  closeWithGrace({ delay: config.shutdownTimeoutMs, logger: log }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'stopping after an error nobody caught')
    else log.info({ signal }, 'stopping: no new connections, requests under way are finished')
    await app.close()
  })

  await app.listen({ host: config.host, port })
  if (!config.production && twilio === null) {
    console.log(greeting(url, await addDemoUser(prismaUserDirectory(database.prisma), passwords)))
  }
}

/** An embedded database is this process's own to migrate; a shared one is not, unless it is only for trying things out. */
async function bringUpToDate ({ engine }: Database, { production, databaseUrl }: Config) {
  if (!production || databaseUrl.startsWith('pglite:')) {
    await migrate(engine)
    return
  }
  const pending = await pendingMigrations(engine)
  if (pending.length > 0) throw new Error(`The database lacks these migrations: ${pending.join(', ')}. Run npm run migrate first.`)
}

/** A port nobody listens on. Asked for before listening, because the tokens' issuer names it. */
function freePort (host: string) {
  return new Promise<number>((resolve, reject) => {
    const server = createServer().once('error', reject).listen(0, host, () => {
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
