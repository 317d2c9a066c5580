import { isUtf8 } from 'node:buffer'
import type { FastifyInstance } from 'fastify'

/**
 * Has bodies read as JSON, and as nothing else. Of a key that comes twice the last one counts, as RFC 8259 §4 leaves open:
 * nobody but this reads the body, so there is no second opinion to be played off against it.
 */
export function readJson (app: FastifyInstance) {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    // Many clients say of every request that it is JSON, also of one that needs no body.
    if (body.length === 0 && request.method === 'DELETE') done(null)
    // Decoding would put the same sign in place of each wrong byte, and different passwords would become one.
    else if (isUtf8(body)) parse(request, body.toString(), done)
    else done(Object.assign(new Error('the body is not UTF-8'), { statusCode: 400, code: 'BODY_NOT_UTF8' }))
  })
}
