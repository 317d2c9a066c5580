import type twilio from 'twilio'
import { Agent } from 'undici'

type RequestClient = InstanceType<typeof twilio.RequestClient>

/** Why a request has no answer; nothing else of it is told, as its headers and body are secrets. */
export type NoAnswer = Error & { noAnswer: 'timeout' | 'unreachable' }

/** Bytes of an answer that are read. A message and an error take two thousand. */
const answerAtMost = 65_536

/**
 * The HTTP under Twilio's SDK, for its one request: a form to be posted. In the place of the SDK's own, which takes four times
 * the CPU, has no deadline over all of a request, and sends texts through a proxy when HTTP_PROXY is set; here no variable is
 * read, no redirect followed and nothing tried twice. `timeoutMs` bounds a request from waiting for a free connection to the
 * last byte of the answer. Throws `NoAnswer`.
 */
export function twilioHttp (timeoutMs: number): RequestClient {
  // Idle connections close after `timeoutMs`, so that a send seldom meets one that Twilio is just closing.
  const agent = new Agent({ connections: 50, keepAliveTimeout: timeoutMs, keepAliveMaxTimeout: timeoutMs, maxResponseSize: answerAtMost })

  const client: Pick<RequestClient, 'request'> = {
    async request ({ uri, headers, data, username, password }) {
      const { origin, pathname } = new URL(uri)
      try {
        const { statusCode, body } = await agent.request({
          origin,
          path: pathname,
          method: 'POST',
          headers: { ...headers, Authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` },
          body: new URLSearchParams(data as Record<string, string> | undefined).toString(), // Strings and numbers, of the one resource used here.
          signal: AbortSignal.timeout(timeoutMs)
        })
        // As text, whatever type the caller has for it: the SDK parses that, and makes an error of what is no JSON.
        return { statusCode, body: await body.text() as never, headers: undefined, toString: () => `HTTP ${statusCode}` }
      } catch (error) {
        const told: NoAnswer = Object.assign(new Error('no answer'), { noAnswer: isTimeout(error) ? 'timeout' as const : 'unreachable' as const })
        throw told
      }
    }
  }
  // All that the SDK asks of its client is `request`: https://www.twilio.com/docs/libraries/node/custom-http-clients-node
  return client as RequestClient
}

/** The deadline's own end, or that of a connection that nobody answers. */
const isTimeout = (error: unknown) => error instanceof Error && (error.name === 'TimeoutError' || ('code' in error && timeouts.has(error.code)))

const timeouts: ReadonlySet<unknown> = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT'])
