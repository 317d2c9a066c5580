import type { FastifyCorsOptions } from '@fastify/cors'

/** What @fastify/cors lets the pages of these origins do. Nothing is said of credentials: there are no cookies. */
export const corsOptions = (origins: readonly string[]): FastifyCorsOptions => ({
  // A function, because with a list a foreign origin's preflight would still be answered with what is allowed.
  origin: (origin, callback) => { callback(null, origin !== undefined && origins.includes(origin)) },
  methods: ['GET', 'HEAD', 'POST', 'DELETE'],
  allowedHeaders: ['content-type', 'authorization'],
  exposedHeaders: ['Retry-After', 'WWW-Authenticate'],
  maxAge: 600,
  // Answered before the hook that says it elsewhere.
  cacheControl: 'no-store',
  // Strictness would be answered in plain text, and every failure here is a problem.
  strictPreflight: false
})
