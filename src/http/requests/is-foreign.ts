import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'

/**
 * Whether this POST may be a cross-site request: its content type is not JSON, or a browser sent it
 * from a page whose origin is not allowed. Any site can send such requests without a preflight
 * (CORS-safelisted requests, Fetch Standard §2.2.2), but never with `Authorization`.
 */
export function isForeign({ headers }: FastifyRequest, corsOrigins: readonly string[]): boolean {
  if (headers.authorization !== undefined) return false
  if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) return true
  if (headers.origin !== undefined && corsOrigins.includes(headers.origin)) return false
  return isCrossOrigin(headers)
}

/** Whether a browser sent the request from a page of another origin. */
export function isCrossOrigin({ origin, host, ...headers }: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site']
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  // For browsers without Sec-Fetch-Site. Only host names are compared, because a proxy may change
  // the port or the scheme.
  return origin !== undefined && hostOf(origin) !== hostOf(`http://${host}`)
}

const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).hostname : undefined)
