import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendInvalid } from '../problems/send-problem.ts'

// RFC 9110 §7.2: uri-host [ ":" port ]. An http URI without a host is invalid (§4.2.1).
const valid = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+)(?::\d{0,5})?$/

/**
 * Rejects a request without exactly one valid Host header (RFC 9112 §3.2). With two, a proxy may
 * have routed it by the other one. Only HTTP/1.0 requests may omit the header.
 */
export async function requireHost(request: FastifyRequest, reply: FastifyReply) {
  const { rawHeaders, httpVersion } = request.raw
  // `headers` contains only the first of several Host headers.
  const hosts = rawHeaders.filter((_, n) => rawHeaders[n - 1]?.toLowerCase() === 'host' && n % 2)
  const [host] = hosts
  if (host === undefined) {
    if (httpVersion === '1.0') return
    return sendInvalid(request, reply, 'The Host header is missing.')
  }
  if (hosts.length > 1) return sendInvalid(request, reply, 'There is more than one Host header.')
  if (!valid.test(host)) return sendInvalid(request, reply, 'The Host header is invalid.')
}
