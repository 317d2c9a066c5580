import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import type { Caller } from '../domain/caller.ts'

/** Who sent this request. */
export const callerOf = ({ ip, id }: FastifyRequest): Caller => ({ address: ip, network: networkOf(ip), requestId: id })

/**
 * What budgets are charged to. One customer is given a whole /56 of IPv6 addresses, if not more, so a budget for each
 * single one would be none.
 */
function networkOf (ip: string): string {
  if (!ipaddr.isValid(ip)) return ip
  const address = ipaddr.process(ip)
  return address.kind() === 'ipv4' ? address.toString() : `${ipaddr.IPv6.networkAddressFromCIDR(`${address.toString()}/56`).toString()}/56`
}
