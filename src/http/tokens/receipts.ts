import { receiptLifetime } from '../../domain/token-lifetimes.ts'
import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { unixTime, type Clock } from '../../domain/clock.ts'
import type { TransactionDetails } from '../../domain/codes/transaction-details.ts'
import { randomId } from '../../domain/random-id.ts'
import { createJwts, type Audience } from './jwts.ts'
import type { SigningKey } from './signing-key.ts'

/** Receipts: the proof, for the service that executes an action, that the user confirmed it. */
export type Receipts = {
  sign: (
    userId: string,
    details: TransactionDetails
  ) => { receipt: string; receiptId: string; expiresIn: number }
}

export type ReceiptSettings = {
  issuer: string
  audience: Audience
  keys: readonly [SigningKey, ...SigningKey[]]
}

/**
 * Creates receipts, signed with the published keys. Their own `typ` keeps a receipt from being
 * accepted as an access token.
 */
export async function createReceipts(
  app: FastifyInstance,
  { issuer, audience, keys }: ReceiptSettings,
  clock: Clock
): Promise<Receipts> {
  const jwts = await createJwts(app, { typ: 'receipt+jwt', issuer, audience }, keys)

  return {
    sign(userId, { action, data, reference, text, authTime }) {
      const now = unixTime(clock())
      const receiptId = randomId()
      const receipt = jwts.sign({
        sub: userId,
        iat: now,
        exp: now + receiptLifetime,
        jti: receiptId,
        action,
        data,
        reference,
        text_hash: createHash('sha256').update(text).digest('base64url'),
        auth_time: authTime,
        amr: ['pwd', 'sms', 'mfa']
      })
      return { receipt, receiptId, expiresIn: receiptLifetime }
    }
  }
}
