import type { FastifyRequest } from 'fastify'
import type { Passwords } from '../domain/passwords.ts'

/**
 * Before anything is charged or read: throws `busy` for a login when no place is left to check its password, so that a flood
 * costs the database nothing, and those who are inside are not slowed down by those who are not.
 */
export const turnAway = (passwords: Passwords) => async (request: FastifyRequest) => {
  if (request.method !== 'POST' || request.routeOptions.url !== '/login') return
  const leave = passwords.expect()
  leave()
}
