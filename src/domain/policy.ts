import type { TestNumbers } from './codes/test-numbers.ts'
import type { MessageSettings } from './messages/compose-message.ts'
import type { ConversionPolicy } from './messages/sms-pumping.ts'
import type { ConfirmationTemplate } from './confirmations/confirmation-template.ts'
import type { Limits } from './rate-limits/limits.ts'

/** Lifetimes, limits and templates. All times are in seconds. */
export type Policy = {
  /** How long a code is valid. */
  codeTtl: number
  /** How long a challenge can be verified, or its code resent, after it was opened. */
  challengeTtl: number
  /** Attempts per challenge. */
  codeAttempts: number
  /** Minimum time between two messages for one challenge. */
  resendCooldown: number
  messages: MessageSettings
  /** Whether the SMS provider reports the delivery of messages to this service. */
  reportsDelivery: boolean
  testNumbers: TestNumbers
  /** How long a session lasts without a refresh. */
  refreshTokenTtl: number
  /** How long a session lasts at most. */
  sessionTtl: number
  /** The operator's sentences for confirmations, by action. */
  confirmationTemplates: ReadonlyMap<string, ConfirmationTemplate>
  /** Maximum age of the login for a confirmation. */
  confirmationMaxAge: number
  /** Maximum age of the login for a change of the account's phone number or its deletion. */
  reauthMaxAge: number
  limits: Limits
  conversion: ConversionPolicy
}
