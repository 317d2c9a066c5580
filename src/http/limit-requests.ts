import type { FastifyRequest } from 'fastify'
import { takeToll } from '../domain/caller.ts'
import { Refusal } from '../domain/refusal.ts'
import { spend, type SpendPorts } from '../domain/spend.ts'
import { callerOf } from './caller-of.ts'

/**
 * A client network has so many POSTs a minute, whatever is in them. Here each gets its price; the rule that answers it charges
 * that with a statement it needs anyway (`takeToll`), and `chargeFailed` where no rule came to it.
 */
export const limitRequests = (perMinute: number) => async (request: FastifyRequest) => {
  if (perMinute === 0 || request.method !== 'POST') return
  const { toll, network } = callerOf(request)
  toll.push({ budget: 'requests', of: { network }, limit: perMinute, seconds: 60 })
}

/** Charges for a request that failed with `error` before anybody did, and resolves to what is to be told: that, or `too-many-attempts`. */
export async function chargeFailed <T> (ports: SpendPorts, request: FastifyRequest, error: T): Promise<T | Refusal> {
  // Told to those for whom nothing was done, so that a flood of them costs the database nothing.
  if (error instanceof Refusal && error.slug === 'busy') return error
  const caller = callerOf(request)
  try {
    await spend(ports, caller, takeToll(caller))
    return error
  } catch (refusal) {
    return refusal as T | Refusal // Or the database's error, which is as good an error as any.
  }
}
