/**
 * The token in an Authorization header of the scheme Bearer (RFC 6750 §2.1); undefined in any other
 * header.
 */
export const bearerToken = (authorization: string | undefined): string | undefined =>
  /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? '')?.[1]
