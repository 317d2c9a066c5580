import type { FastifyRequest } from 'fastify'
import type { Events } from '../../domain/events.ts'
import { isCrossOrigin } from '../requests/is-foreign.ts'
import { requestContext } from '../requests/request-context.ts'

/**
 * Records a CORS request from a page whose origin is not listed. The browser only tells the page
 * that the request failed, so the log has to name the cause.
 */
export const recordRejectedOrigin =
  (corsOrigins: readonly string[], events: Events) => async (request: FastifyRequest) => {
    const { headers } = request
    const { origin, 'sec-fetch-mode': mode = 'cors' } = headers
    if (origin === undefined || mode !== 'cors' || !isCrossOrigin(headers)) return
    if (corsOrigins.includes(origin)) return
    events.record({
      name: 'cors.rejected',
      context: requestContext(request),
      origin: serialized.test(origin) ? origin : 'invalid',
      variable: 'CORS_ORIGINS'
    })
  }

// The ASCII serialization of an origin (RFC 6454 §6.2). No host name is longer than 253 characters.
const serialized = /^(?:null|[a-z][a-z\d+.-]{0,31}:\/\/[\w.~%[\]:-]{1,300})$/i
