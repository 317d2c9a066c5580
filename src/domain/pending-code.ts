import type { Challenge } from './challenge.ts'
import { secondsUntil } from './clock.ts'
import { maskPhone } from './mask-phone.ts'

/** How a pending challenge is told to its owner. Times are whole seconds from now, rounded up. */
export type PendingCode = {
  challengeId: string
  expiresAt: Date
  expiresIn: number
  destination: string
  codeExpiresIn: number
  resendIn: number
  /** False when an earlier text is still good and no second one went out. */
  sent: boolean
}

/** Tells `challenge`, whose code went to `phone`, as it stands `now`. */
export const pendingCode = (challenge: Challenge, phone: string, sent: boolean, now: Date): PendingCode => ({
  challengeId: challenge.id,
  expiresAt: challenge.expiresAt,
  expiresIn: secondsUntil(challenge.expiresAt, now),
  destination: maskPhone(phone),
  codeExpiresIn: secondsUntil(challenge.codeExpiresAt, now),
  resendIn: secondsUntil(challenge.resendAt, now),
  sent
})
