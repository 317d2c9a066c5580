import type { FastifyInstance } from 'fastify'

/** The methods that the path of this URL takes; none where there is no such path. */
export const methodsAt = (app: FastifyInstance, url: string) =>
  // Preflights are answered for every path there is, or isn't.
  app.supportedMethods.filter(method => method !== 'OPTIONS' && app.findRoute({ method, url }) !== null)
