import type { FastifyCorsOptions, FastifyCorsOptionsDelegateCallback } from '@fastify/cors'
import { isCallback } from '../requests/is-callback.ts'

/**
 * CORS options for these origins. Credentials are not allowed because there are no cookies. No page
 * may send callbacks.
 */
export function corsOptions(origins: readonly string[]): {
  delegator: FastifyCorsOptionsDelegateCallback
} {
  const options: FastifyCorsOptions = {
    // With a list, @fastify/cors would still send the allowed methods to other origins.
    origin: (origin, callback) => {
      callback(null, origin !== undefined && origins.includes(origin))
    },
    methods: ['GET', 'HEAD', 'POST', 'PATCH', 'DELETE'],
    // `allowedHeaders` is not set, so every requested header is allowed. Tracing libraries add
    // their own (traceparent, baggage, sentry-trace), and one missing name would block the whole
    // request. The origin decides.
    exposedHeaders: ['Retry-After', 'WWW-Authenticate', 'X-Request-Id'],
    maxAge: 600,
    // A strict preflight fails with plain text, but every failure here is a problem document.
    strictPreflight: false
  }
  return {
    delegator: (request, callback) => {
      callback(null, isCallback(request) ? { origin: false } : options)
    }
  }
}
