import type twilio from 'twilio'
import { Agent } from 'undici'

type RequestClient = InstanceType<typeof twilio.RequestClient>

/** The error of a request without a response. The headers and body are secrets and left out. */
export type NoResponse = Error & { noResponse: 'timeout' | 'unreachable' }

/** In bytes. A message or an error of Twilio has about 2,000. */
const maxResponseSize = 65_536

/**
 * The HTTP client of Twilio's SDK for the only request used here, a form post. The SDK's own client
 * uses four times the CPU, has no deadline for the whole request, and sends messages through
 * HTTP_PROXY.
 *
 * This client reads no environment variable, follows no redirect and never retries. `timeoutMs`
 * covers the wait for a free connection and the response up to its last byte. Throws `NoResponse`.
 */
export function createTwilioHttp(timeoutMs: number): RequestClient {
  // Idle connections close after `timeoutMs`, so a send rarely uses one that Twilio is closing.
  const agent = new Agent({
    connections: 50,
    keepAliveTimeout: timeoutMs,
    keepAliveMaxTimeout: timeoutMs,
    maxResponseSize
  })

  const client: Pick<RequestClient, 'request'> = {
    async request({ uri, headers, data, username, password }) {
      const { origin, pathname } = new URL(uri)
      try {
        const { statusCode, body } = await agent.request({
          origin,
          path: pathname,
          method: 'POST',
          headers: {
            ...headers,
            Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
          },
          // The values of the only resource used here are strings and numbers.
          body: new URLSearchParams(data as Record<string, string> | undefined).toString(),
          signal: AbortSignal.timeout(timeoutMs)
        })
        // The SDK parses the text and throws an Error if it isn't JSON.
        return {
          statusCode,
          body: (await body.text()) as never,
          headers: undefined,
          toString: () => `HTTP ${statusCode}`
        }
      } catch (error) {
        const failure: NoResponse = Object.assign(new Error('no response'), {
          noResponse: isTimeout(error) ? ('timeout' as const) : ('unreachable' as const)
        })
        throw failure
      }
    }
  }
  // The SDK calls only `request`:
  // https://www.twilio.com/docs/libraries/node/custom-http-clients-node
  return client as RequestClient
}

/** Whether the deadline passed or the connection attempt timed out. */
const isTimeout = (error: unknown) =>
  error instanceof Error &&
  (error.name === 'TimeoutError' || ('code' in error && timeouts.has(error.code)))

const timeouts: ReadonlySet<unknown> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT'
])
