import { isIPv4 } from 'node:net'
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import Negotiator from 'negotiator'
import type { Caller } from '../domain/caller.ts'

/**
 * Who sent this request. What a trusted proxy forwards and is no address, even without a port, counts as the proxy's own: as
 * an address of its own, each new invention would have budgets of its own.
 */
export function callerOf (request: FastifyRequest): Caller {
  const caller = callers.get(request) ?? read(request)
  callers.set(request, caller)
  return caller
}

// Asked for by the limits, the route and the log alike.
const callers = new WeakMap<FastifyRequest, Caller>()

function read ({ ip, id, socket, headers }: FastifyRequest): Caller {
  const address = [ip, withoutPort(ip), socket.remoteAddress].find(text => text !== undefined && isAddress(text)) ?? 'unknown'
  return {
    address,
    network: networkOf(address),
    requestId: id,
    toll: [],
    // Read only for a text. A browser's list is shorter than that; a list of thousands would take milliseconds.
    get languages () { return new Negotiator({ headers: { 'accept-language': headers['accept-language']?.slice(0, 256) } }).languages() }
  }
}

const isAddress = (text: string) => isIPv4(text) || ipaddr.IPv6.isValid(text)

// Some gateways append the client's port: 198.51.100.7:4000, [2001:db8::1]:4000.
const withoutPort = (ip: string) => /^(?:(\d+(?:\.\d+){3})|\[(.+)\]):\d+$/.exec(ip)?.slice(1).find(Boolean)

/**
 * What budgets are charged to. One customer is given a whole /56 of IPv6 addresses, if not more, so a budget for each
 * single one would be none.
 */
function networkOf (address: string): string {
  if (!ipaddr.IPv6.isValid(address)) return address
  const parsed = ipaddr.process(address)
  return parsed.kind() === 'ipv4' ? parsed.toString() : `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/56`).toString()}/56`
}
