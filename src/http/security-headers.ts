import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * What browsers are told with each answer: that it is data, to be kept, shown, framed and loaded by nobody (OWASP's REST Security
 * Cheat Sheet). A route that has something else to say of its own answer says it later.
 */
export const securityHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  // About <img> and <script> alone: a fetch from an origin in CORS_ORIGINS is not held up by it.
  'cross-origin-resource-policy': 'same-origin'
}

/** To come before any hook that may answer. */
export async function tellBrowsers (_request: FastifyRequest, reply: FastifyReply) {
  reply.headers(securityHeaders)
}
