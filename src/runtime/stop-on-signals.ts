import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { drain } from '../http/connections/drain.ts'
import { terminalIsGone } from './terminal-hang-up.ts'

/**
 * Stops `apps` gracefully on SIGTERM, on SIGINT and after an uncaught error. The first one closes
 * the others when it closes. Ends the process after `shutdownTimeoutMs` at the latest. Returns a
 * function that stops them because the terminal was closed.
 */
export function stopOnSignals(
  apps: readonly [FastifyInstance, ...FastifyInstance[]],
  { shutdownTimeoutMs }: { shutdownTimeoutMs: number },
  log: Logger
): () => void {
  // Keeps one listener installed at all times: without any, the signal's default action ends the
  // process.
  const ignoreSignal = () => {}
  process.on('SIGTERM', ignoreSignal).on('SIGINT', ignoreSignal)
  logIgnoredSignals(log)

  let stopping = false
  // Otherwise the keep-alive connection of a running request would delay the stop for a minute.
  for (const app of apps)
    app.addHook('onSend', async (_request, reply) => {
      if (stopping) reply.header('connection', 'close')
    })
  const options = {
    delay: shutdownTimeoutMs,
    logger: log,
    skip: ['SIGHUP', 'SIGUSR2'] satisfies NodeJS.Signals[]
  }
  const { close } = closeWithGrace(options, async ({ signal, err, manual }) => {
    if (err) log.fatal({ err }, 'stopping after an uncaught error')
    else if (!manual)
      log.info({ signal }, 'stopping: no new connections; running requests are completed')
    // Under npm a signal may arrive twice, from the terminal or supervisor and from npm. The second
    // one must not abort requests. The timeout ends a stop that takes too long.
    if (signal !== undefined) {
      for (const listener of process.listeners(signal))
        if (listener !== ignoreSignal) process.removeListener(signal, listener)
    }
    stopping = true
    // A client that stalls within its request must not keep the database from closing.
    setTimeout(() => {
      for (const { server } of apps) server.closeAllConnections()
    }, shutdownTimeoutMs * 0.8).unref()
    const graceMs = Math.min(2000, shutdownTimeoutMs * 0.3)
    await Promise.all(apps.map(({ server }) => drain(server, graceMs)))
    await apps[0].close()
  })
  return () => {
    if (!process.stdout.isTTY) log.warn('the terminal was closed; stopping')
    setTimeout(() => process.exit(), 3000).unref()
    void close()
  }
}

function logIgnoredSignals(log: Logger) {
  for (const signal of ['SIGHUP', 'SIGUSR2'] as const)
    process.on(signal, () => {
      if (!terminalIsGone()) log.info(`${signal} is ignored: the service keeps running`)
    })
}
