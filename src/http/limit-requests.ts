import type { FastifyError, FastifyRequest } from 'fastify'
import { Refusal } from '../domain/refusal.ts'
import { spend, type SpendPorts } from '../domain/spend.ts'
import { callerOf } from './caller-of.ts'

/**
 * A client network has so many POSTs a minute, whatever is in them. Here each is told its price, which the rule that answers it
 * has charged with a statement that it needs anyway; where it fails before that, `chargeFailed` does.
 */
export const limitRequests = (perMinute: number) => async (request: FastifyRequest) => {
  if (perMinute === 0 || request.method !== 'POST') return
  const caller = callerOf(request)
  caller.toll = [{ budget: 'requests', of: { network: caller.network }, limit: perMinute, seconds: 60, always: true }]
}

/** Charges for a request that failed with `error`, unless that is done, and resolves to what is to be told: that, or `too-many-attempts`. */
export async function chargeFailed (ports: SpendPorts, request: FastifyRequest, error: FastifyError | Refusal): Promise<FastifyError | Refusal> {
  // A flood of those who are turned away costs the database nothing, nor does it help to ask a database that has just failed.
  const isCheap = error instanceof Refusal ? error.slug === 'busy' : (error.statusCode ?? 500) >= 500
  const caller = callerOf(request)
  if (isCheap || caller.toll.length === 0) return error
  try {
    await spend(ports, caller, caller.toll)
    return error
  } catch (refusal) {
    return refusal as FastifyError | Refusal // The database's own errors have what is read of an error.
  }
}
