import type { FastifyHelmetOptions } from '@fastify/helmet'

/** What @fastify/helmet tells browsers with each answer: that it is data, to be shown and framed and loaded by nobody. */
export const securityHeaders: FastifyHelmetOptions = {
  contentSecurityPolicy: { useDefaults: false, directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] } },
  strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: true },
  referrerPolicy: { policy: 'no-referrer' },
  xFrameOptions: { action: 'deny' },
  // About <img> and <script> alone: a fetch from an origin in CORS_ORIGINS is not held up by it.
  crossOriginResourcePolicy: { policy: 'same-origin' },
  // These are for pages, or for browsers that are gone.
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xDnsPrefetchControl: false,
  xDownloadOptions: false,
  xPermittedCrossDomainPolicies: false,
  xXssProtection: false
}

/** The same, in so many words, for what is answered before any hook: a URL that is none, and what isn't HTTP. */
export const bareHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-resource-policy': 'same-origin'
}
