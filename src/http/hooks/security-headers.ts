import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * Headers for every response: it is data that browsers must not cache, render, frame or embed
 * (OWASP REST Security Cheat Sheet). A route may override them for its own responses.
 */
export const securityHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  // This blocks <img> and <script>, but not a CORS fetch from an origin in CORS_ORIGINS.
  'cross-origin-resource-policy': 'same-origin'
}

/** Sets `securityHeaders`. Register it before every hook that may send a response. */
export async function setSecurityHeaders(_request: FastifyRequest, reply: FastifyReply) {
  reply.headers(securityHeaders)
}
