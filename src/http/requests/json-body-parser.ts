import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Refusal } from '../../domain/refusal.ts'
import { forbiddenKey } from './forbidden-key.ts'
import { takesBody } from './takes-body.ts'

/**
 * Makes JSON the only accepted content type. Of duplicate keys the last one wins, as RFC 8259 §4
 * permits. Only this parser reads the body, so there is no parser mismatch to exploit. `check` gets
 * the text of a body that is valid JSON, and throws a Refusal to reject it.
 */
export function addJsonBodyParser(app: FastifyInstance, check: (json: string) => void = () => {}) {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  // Many clients send their default Content-Type with every request. Without a body it describes
  // nothing (RFC 9110 §8.3), so Fastify must not look for a parser.
  app.addHook('onRequest', async request => {
    if (!takesBody(request) && isEmpty(request)) delete request.headers['content-type']
  })
  app.addHook('preParsing', async (request, _reply, payload) => {
    if (!takesBody(request) && isChunked(request) && (await endsWithoutBytes(payload))) {
      delete request.headers['content-type']
      delete request.headers['transfer-encoding']
    }
    return payload
  })
  app.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    (request, body: Buffer, done) => {
      // Decoding replaces every invalid byte with U+FFFD, which would make different passwords
      // equal.
      if (!isUtf8(body))
        return done(
          Object.assign(new Error('the body is not UTF-8'), {
            statusCode: 400,
            code: 'BODY_NOT_UTF8'
          })
        )
      const text = body.toString()
      void parse(request, text, (error, value) => {
        done(error === null ? errorOf(check, text) : (refusalOf(text) ?? error), value)
      })
    }
  )
}

const isChunked = ({ headers }: FastifyRequest) => headers['transfer-encoding'] !== undefined

const isEmpty = (request: FastifyRequest) =>
  !isChunked(request) && (request.headers['content-length'] ?? '0') === '0'

/** Waits for the first bytes or the end. Does not consume the bytes. */
async function endsWithoutBytes(payload: Readable): Promise<boolean> {
  if (payload.readableLength === 0 && !payload.readableEnded)
    await new Promise<void>(resolve => {
      for (const event of ['readable', 'end', 'close']) payload.once(event, () => resolve())
    })
  return payload.readableLength === 0
}

/** Names the forbidden key. Fastify reports it only as a syntax error. */
function refusalOf(text: string): Refusal | undefined {
  const found = forbiddenKey(text.replace(/^\ufeff/, ''))
  return (
    found &&
    new Refusal('invalid-request', {
      errors: [{ path: found.path, detail: `the key ${found.key} is not allowed` }]
    })
  )
}

function errorOf(check: (json: string) => void, json: string): Error | null {
  try {
    check(json)
    return null
  } catch (error) {
    return error as Error // `check` throws only Refusals.
  }
}
