import { secondsUntil } from '../clock.ts'
import { maskPhone } from '../users/mask-phone.ts'
import { nextMessageAt, type Challenge } from './challenge.ts'

/** The state of a challenge as its caller sees it. Times are whole seconds from now, rounded up. */
export type CodeStatus = {
  challengeId: string
  expiresAt: Date
  expiresIn: number
  /** The number that the code went to, masked. */
  destination: string
  codeExpiresIn: number
  resendIn: number
  /** False when the code of an earlier request is still fresh and no message was sent. */
  sent: boolean
}

export const toCodeStatus = (
  challenge: Challenge,
  phone: string,
  sent: boolean,
  now: Date
): CodeStatus => ({
  challengeId: challenge.id,
  expiresAt: challenge.expiresAt,
  expiresIn: secondsUntil(challenge.expiresAt, now),
  destination: maskPhone(phone),
  codeExpiresIn: secondsUntil(challenge.codeExpiresAt, now),
  resendIn: secondsUntil(nextMessageAt(challenge, now), now),
  sent
})
