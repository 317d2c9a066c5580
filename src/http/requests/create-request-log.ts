import type { FastifyServerOptions } from 'fastify'
import { userOf } from './request-context.ts'

type CreateLog = NonNullable<FastifyServerOptions['childLoggerFactory']>

/** The log of a request. Each line contains the user's id from the moment the user is known. */
export const createRequestLog: CreateLog = (log, bindings, options, request) =>
  log.child(bindings, {
    ...options,
    formatters: {
      log(fields) {
        const userId = userOf(request)
        return userId === null ? fields : { userId, ...fields }
      }
    }
  })
