import type { FastifyInstance } from 'fastify'

/** The methods that the path of this URL supports. Empty when there is no such path. */
export const allowedMethods = (app: FastifyInstance, url: string) =>
  // OPTIONS is left out: @fastify/cors answers preflights for every path, even an unknown one.
  app.supportedMethods.filter(
    method => method !== 'OPTIONS' && app.findRoute({ method, url }) !== null
  )
