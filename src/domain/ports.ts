import type { AccountUsers } from './account/account-users.ts'
import type { PhoneChanges } from './account/phone-changes.ts'
import type { Policy } from './policy.ts'
import type { UserDirectory } from './users/user-directory.ts'
import type { Clock } from './clock.ts'
import type { Challenges } from './codes/challenge.ts'
import type { StatusCallbacks } from './codes/status-callbacks.ts'
import type { Events } from './events.ts'
import type { LoginUsers } from './login/login-users.ts'
import type { WeaknessOf } from './login/password-policy.ts'
import type { Passwords } from './login/passwords.ts'
import type { MessageFeedback } from './messages/message-feedback.ts'
import type { CountryTraffic } from './messages/sms-pumping.ts'
import type { TrackedSms } from './messages/sms.ts'
import type { SessionRequestLimiter } from './rate-limits/limit-session-requests.ts'
import type { RateLimits } from './rate-limits/rate-limit.ts'
import type { SessionUsers } from './sessions/session-users.ts'
import type { Sessions } from './sessions/session.ts'
import type { CheckPhone } from './users/check-phone.ts'

/** Everything outside the process that the application uses. */
export type Ports = {
  users: LoginUsers & SessionUsers & AccountUsers
  challenges: Challenges
  phoneChanges: PhoneChanges
  sessions: Sessions
  passwords: Passwords
  /** Loads the list of common passwords. The first call takes a quarter of a second. */
  commonPasswords: () => Promise<WeaknessOf>
  sms: TrackedSms
  statusCallbacks: StatusCallbacks
  messageFeedback: MessageFeedback
  rateLimits: RateLimits
  sessionRequests: SessionRequestLimiter
  countryTraffic: CountryTraffic
  countryOf: (phone: string) => string
  checkPhone: CheckPhone
  events: Events
  clock: Clock
  /** Whether the database responds, has all migrations and accepts writes. Never throws. */
  isReady: () => Promise<boolean>
  /** Describes an outage of the database. Undefined if the error is a bug of this program. */
  outageOf: (error: unknown) => { facts: { reason: string }; message: string } | undefined
  /**
   * Tells that a request failed because of the database, with the reason of the outage, so that it
   * is counted and its recovery is recorded.
   */
  databaseFailed: (reason: string) => void
}

/** Everything outside the process that the admin API uses. */
export type AdminPorts = Pick<
  Ports,
  | 'passwords'
  | 'commonPasswords'
  | 'sms'
  | 'countryOf'
  | 'checkPhone'
  | 'rateLimits'
  | 'events'
  | 'clock'
  | 'outageOf'
  | 'databaseFailed'
> & {
  users: UserDirectory
  policy: Policy
  /** Those of each secret, because other instances may count under another one. */
  allRateLimits: readonly RateLimits[]
  /** Bounds the requests that use the database and the password-hashing queue at the same time. */
  adminRequests: Pick<SessionRequestLimiter, 'run'>
}
