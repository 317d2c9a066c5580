import { hkdfSync } from 'node:crypto'

/**
 * Derives a 32-byte key for one purpose from the secret (HKDF-SHA-256, RFC 5869). A derived key
 * reveals nothing about the others.
 */
export const deriveKey = (secret: Buffer, purpose: string) =>
  Buffer.from(hkdfSync('sha256', secret, '', `sms-login/${purpose}`, 32))
