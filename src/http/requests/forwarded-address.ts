import { compile } from '@fastify/proxy-addr'
import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'

/**
 * Extracts the address from an entry of X-Forwarded-For. Proxies add ports, brackets, quotes or
 * zones: 198.51.100.7:4000, [2001:db8::1]:4000, fe80::1%eth0. Undefined when the entry contains no
 * address.
 */
export function forwardedAddress(entry: string): string | undefined {
  // Longer than any address, even with a zone, which is the name of an interface.
  if (entry.length > 128) return undefined
  const text = entry.trim().replace(/^"(.*)"$/, '$1')
  const withoutPort =
    /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text)?.[1] ??
    text.replace(/^((?:[\da-f:]*:)?\d+(?:\.\d+){3}):\d{1,5}$/i, '$1')
  const address = withoutPort.replace(/^(.*:.*)%.+$/, '$1')
  return isIPv4(address) || ipaddr.IPv6.isValid(address) ? address : undefined
}

/**
 * Returns a predicate for Fastify's `trustProxy`: whether an entry of X-Forwarded-For, or the peer
 * address, is in `networks`, a list of addresses and CIDR ranges.
 */
export function isTrustedProxy(networks: readonly string[]) {
  const isInNetworks = compile([...networks])
  return (entry: string, hop: number) => {
    const address = forwardedAddress(entry)
    return address !== undefined && isInNetworks(address, hop)
  }
}
