import { hkdfSync } from 'node:crypto'

/** One key for each purpose from one secret (HKDF-SHA-256, RFC 5869): 32 bytes; knowing one tells nothing about another. */
export const deriveKey = (secret: Buffer, purpose: string) =>
  Buffer.from(hkdfSync('sha256', secret, '', `sms-login/${purpose}`, 32))
