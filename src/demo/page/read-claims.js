/**
 * The claims of a JWT, for display only. The service that relies on the JWT verifies its signature.
 * @param {string} token
 * @returns {Record<string, unknown>}
 */
export function readClaims(token) {
  const [, payload = ''] = token.split('.')
  const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), letter =>
    letter.charCodeAt(0)
  )
  return JSON.parse(new TextDecoder().decode(bytes))
}
