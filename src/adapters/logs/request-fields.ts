import type { RequestContext } from '../../domain/request-context.ts'

/**
 * What each line about a request has in common: its id, the caller's address and, once known, the
 * user.
 */
export const requestFields = (context: RequestContext | null) =>
  context === null
    ? {}
    : {
        reqId: context.requestId,
        ip: context.address,
        ...(context.userId !== null && { userId: context.userId })
      }
