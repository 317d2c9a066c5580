import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

// The unreserved characters of URIs (RFC 3986 §2.3), because `instance` of a problem is a URI.
const valid = /^[A-Za-z0-9._~-]{1,128}$/

/**
 * The id of a request: the `X-Request-Id` that the caller sent, so that its log and ours can be
 * joined, or a random one if that is missing, too long or contains other characters.
 */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const id = headers['x-request-id']
  return typeof id === 'string' && valid.test(id) ? id : randomUUID()
}
