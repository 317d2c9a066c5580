/** How long a receipt is valid, in seconds. */
export const receiptLifetime = 300

/** How long a service may cache the JWKS, in seconds. It may not know a new key for that long. */
export const jwksMaxAge = 300
