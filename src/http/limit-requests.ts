import type { FastifyRequest } from 'fastify'
import { spend, type SpendPorts } from '../domain/spend.ts'
import { callerOf } from './caller-of.ts'

/** Before a body is read: a client network has so many POSTs a minute, whatever is in them. Throws `too-many-attempts`. */
export const limitRequests = (ports: SpendPorts, perMinute: number) => async (request: FastifyRequest) => {
  if (perMinute === 0 || request.method !== 'POST') return
  const caller = callerOf(request)
  await spend(ports, caller, [{ budget: 'requests', of: { network: caller.network }, limit: perMinute, seconds: 60 }], 'too-many-attempts', { reason: 'requests' })
}
