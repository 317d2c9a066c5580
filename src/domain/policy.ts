import type { Texts } from './code-text.ts'
import type { ConversionPolicy } from './country-traffic.ts'
import type { ConfirmationTemplate } from './confirmation-template.ts'
import type { Limits } from './limits.ts'

/** How long things live and how often they may be tried. All times in seconds. */
export type Policy = {
  /** How long a code is good for. */
  codeTtl: number
  /** How long a challenge can be verified or its code sent again, from the login on. */
  challengeTtl: number
  /** Wrong codes a challenge bears. */
  codeAttempts: number
  /** Between two texts for one challenge. */
  resendCooldown: number
  texts: Texts
  /** How long a session lives after it was last refreshed, and at most. */
  refreshTokenTtl: number
  sessionTtl: number
  /** The sentences for actions that can be confirmed, by action. */
  confirmationTemplates: ReadonlyMap<string, ConfirmationTemplate>
  /** How old a login may be for a confirmation. */
  confirmationMaxAge: number
  limits: Limits
  conversion: ConversionPolicy
}
