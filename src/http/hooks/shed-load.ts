import type { FastifyRequest } from 'fastify'
import type { Passwords } from '../../domain/login/passwords.ts'

/** The requests that hash a password. */
const hashing = new Set(['POST /login', 'POST /me/password', 'DELETE /me'])

/**
 * Load shedding: throws `busy` for a request that hashes a password when the password-hashing queue
 * is full. It runs before rate limits and the request body, so a flood causes no SQL statement and
 * does not slow down the logins that are already queued.
 */
export const shedLoad = (passwords: Passwords) => async (request: FastifyRequest) => {
  if (!hashing.has(`${request.method} ${request.routeOptions.url}`)) return
  const release = passwords.reserveSlot()
  release()
}
