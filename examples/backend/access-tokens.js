import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import { invalidToken, missingToken, refusal, unavailable } from './refusal.js'

/** Reads the user from the `Authorization` header of a request. */
export function createUserReader({ loginUrl, audience }) {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', loginUrl), {
    cacheMaxAge: 300_000,
    cooldownDuration: 30_000
  })

  async function verify(token) {
    try {
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ['ES256'],
        typ: 'at+jwt',
        issuer: loginUrl,
        audience,
        clockTolerance: 5,
        requiredClaims: ['sub', 'client_id', 'exp', 'iat', 'jti', 'auth_time', 'sid']
      })
      return payload
    } catch (error) {
      throw isOutage(error) ? unavailable('The keys cannot be fetched.', error) : invalidToken()
    }
  }

  return {
    /** Costs no request. The roles may be as old as the token. */
    async fromToken(authorization) {
      const { sub, roles = [] } = await verify(tokenIn(authorization))
      return { id: sub, roles }
    },

    /**
     * For operations that must not be possible after a logout or with a role that was withdrawn.
     * Asks sms-login, which knows the sessions that have ended and the current claims.
     */
    async fromSession(authorization) {
      const token = tokenIn(authorization)
      await verify(token)
      const response = await fetch(new URL('/me', loginUrl), {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(5000)
      }).catch(error => {
        throw unavailable('GET /me cannot be reached.', error)
      })
      if (response.status === 401) throw invalidToken()
      if (!response.ok) throw unavailable(`GET /me is ${response.status}.`)
      const { id, claims } = await response.json()
      return { id, roles: claims.roles ?? [] }
    }
  }
}

/** Throws 403 for a user without this role. */
export function requireRole({ roles }, role) {
  if (!roles.includes(role)) throw refusal(403, `This needs the role ${role}.`)
}

function tokenIn(authorization = '') {
  const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? []
  if (token === undefined) throw missingToken()
  return token
}

/** Whether the keys could not be fetched. All other errors of jose are about the token. */
const isOutage = error =>
  !(error instanceof errors.JOSEError) ||
  ['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID'].includes(error.code)
