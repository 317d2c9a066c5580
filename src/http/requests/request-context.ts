import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import Negotiator from 'negotiator'
import { requestLimit, widerPrefixes, type RequestContext } from '../../domain/request-context.ts'
import { forwardedAddress } from './forwarded-address.ts'

/**
 * Describes the caller of this request. For an entry of X-Forwarded-For that contains no address,
 * the proxy's address is used. Otherwise a client could invent entries, and each would have its own
 * rate limits.
 */
export function requestContext(request: FastifyRequest): RequestContext {
  const context = contexts.get(request.raw) ?? read(request)
  contexts.set(request.raw, context)
  return context
}

/** The user of a request as far as `requestContext` knows them; null before its first call. */
export const userOf = (request: IncomingMessage) => contexts.get(request)?.userId ?? null

// The rate limits, the route and the log all need the context of a request.
const contexts = new WeakMap<IncomingMessage, RequestContext>()

function read({ ip, id, socket, headers }: FastifyRequest): RequestContext {
  const address = forwardedAddress(ip) ?? forwardedAddress(socket.remoteAddress ?? '') ?? 'unknown'
  return {
    address,
    ...networksOf(address),
    requestId: id,
    userId: null,
    requestLimit: requestLimit([]),
    // A getter, because only requests that send a message need the languages.
    get languages() {
      const list = beginningOf(headers['accept-language'])
      return new Negotiator({ headers: { 'accept-language': list } }).languages()
    }
  }
}

/**
 * Limits Accept-Language to 256 characters. Browsers send less, and parsing thousands of entries
 * would take milliseconds. An entry that is cut off is dropped, because without its weight the
 * least preferred language would become the most preferred.
 */
const beginningOf = (list?: string) =>
  list === undefined || list.length <= 256 ? list : list.slice(0, 256).replace(/[^,]*$/, '')

/**
 * The networks that rate limits are keyed by. An IPv6 customer has at least a whole /56, so a limit
 * per address would have no effect. A site may have a /48, which is 256 times a /56, and a provider
 * a /32.
 */
export function networksOf(address: string): Pick<RequestContext, 'network' | 'widerNetworks'> {
  const parsed = ipaddr.IPv6.isValid(address) ? ipaddr.process(address) : undefined
  if (parsed?.kind() !== 'ipv6')
    return { network: parsed?.toString() ?? address, widerNetworks: [] }
  const within = (prefix: number) =>
    `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/${prefix}`).toString()}/${prefix}`
  return {
    network: within(56),
    widerNetworks: widerPrefixes.map(({ prefix, times }) => ({ network: within(prefix), times }))
  }
}
