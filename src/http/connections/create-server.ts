import Fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import { sendFailure, type SendFailurePorts } from '../hooks/send-failure.ts'
import { sendNotFound } from '../problems/send-problem.ts'
import { isTrustedProxy } from '../requests/forwarded-address.ts'
import { addJsonBodyParser } from '../requests/json-body-parser.ts'
import { guardConnections } from './guard-connections.ts'
import { serverOptions } from './server-options.ts'

export type ServerSettings = {
  /** Outside production, responses name the variable of an exhausted rate limit. */
  production: boolean
  /** Addresses and CIDR ranges of the proxies whose X-Forwarded-For is trusted. */
  trustedProxies: readonly string[]
  /** Milliseconds. Longer than the proxy's own idle timeout, so that the proxy closes first. */
  keepAliveTimeoutMs: number
}

/**
 * A server that takes JSON and sends every failure as a problem, with guarded connections. It has
 * no hooks and no routes yet. `checkJson` is the `check` of `addJsonBodyParser`.
 */
export function createServer(
  ports: SendFailurePorts,
  settings: ServerSettings,
  log: FastifyBaseLogger,
  checkJson?: (json: string) => void
): FastifyInstance {
  const app = Fastify({
    ...serverOptions,
    keepAliveTimeout: settings.keepAliveTimeoutMs,
    trustProxy: isTrustedProxy(settings.trustedProxies),
    loggerInstance: log
  })
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  app.setErrorHandler(sendFailure(ports, settings))
  app.setNotFoundHandler(sendNotFound)
  addJsonBodyParser(app, checkJson)
  // RFC 9110 §10.1.1 lets a server ignore an unknown expectation. Node's own response would not be
  // a problem document.
  app.server.on('checkExpectation', (request, reply) => {
    app.server.emit('request', request, reply)
  })
  guardConnections(app.server, settings.trustedProxies)
  return app
}
