import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { unixTime, type Clock } from '../domain/clock.ts'
import type { Subject } from '../domain/confirmation.ts'
import { randomId } from '../domain/random-id.ts'
import { jwtsOf } from './jwts.ts'
import type { SigningKey } from './signing-key.ts'

/** What the service that acts is shown: proof that this person confirmed just this. */
export type Receipts = {
  sign: (userId: string, subject: Subject) => { receipt: string, receiptId: string, expiresIn: number }
}

/** Seconds from signing to expiry. */
export const receiptLifetime = 300

export type ReceiptSettings = { issuer: string, audience: string, keys: readonly [SigningKey, ...SigningKey[]] }

/** Receipts under the published keys, of a type of their own, so that none passes for an access token. */
export async function receipts (app: FastifyInstance, { issuer, audience, keys }: ReceiptSettings, clock: Clock): Promise<Receipts> {
  const jwts = await jwtsOf(app, { typ: 'receipt+jwt', issuer, audience }, keys)

  return {
    sign (userId, { action, data, reference, text, authTime }) {
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
