import type { Purpose } from '../codes/purpose.ts'
import type { Limits } from '../rate-limits/limits.ts'
import { check, type LimitAction, type RateLimit } from '../rate-limits/rate-limit.ts'
import { perNetwork, type RequestContext } from '../request-context.ts'

const hour = 3600
const day = 24 * hour

/** The properties of a message that its rate limits depend on. */
type Recipient = Owner & { purpose: Purpose; country: string }

/** Whose rate limits a message counts towards. */
type Owner = { userId: string; phone: string }

/** The rate limits of one message: per number, account, network and country, and in total. */
export const smsLimits = (
  limits: Limits,
  context: RequestContext,
  { purpose, userId, phone, country }: Recipient
): RateLimit[] =>
  [
    ...loginLimits(limits, { userId, phone }),
    ...(purpose === 'login' ? [] : tokenLimits(limits, { purpose, userId, phone })),
    countryLimit(limits, country),
    ...sharedLimits(limits, context)
  ].filter(isOn)

/** Many accounts may share a number, and an account may change its number. */
const loginLimits = (limits: Limits, { userId, phone }: Owner) => [
  ...hourAndDay('sms.phone', { phone }, limits),
  ...hourAndDay('sms.account', { userId }, limits)
]

/** The rate limits that refuse messages for logins to this number or of this account. */
export const loginMessageLimits = (limits: Limits, owner: Owner): RateLimit[] =>
  loginLimits(limits, owner).filter(isOn)

/** The other rate limits of this number and of this account. */
export const tokenMessageLimits = (limits: Limits, owner: Owner): RateLimit[] => {
  const confirmations = tokenLimits(limits, { ...owner, purpose: 'confirm:' })
  const phoneChanges = tokenLimits(limits, { ...owner, purpose: 'phone-change' })
  // Both share the limits of the account.
  return [...confirmations, ...phoneChanges.filter(({ key }) => 'phone' in key)].filter(isOn)
}

/** The rate limit of all messages to a country. Without a maximum, it is off. */
export const countryLimit = ({ messagesPerCountryHour }: Limits, country: string): RateLimit =>
  perHour('sms.country-hour', { country }, messagesPerCountryHour)

/** The rate limit of the messages that one network asks for. */
export const networkLimit = ({ messagesPerNetworkHour }: Limits, network: string): RateLimit =>
  perHour('sms.network-hour', { network }, messagesPerNetworkHour)

/** The rate limit of all messages. */
export const totalLimit = ({ messagesPerHour }: Limits): RateLimit =>
  perHour('sms.hour', {}, messagesPerHour)

/**
 * The limits of messages that an access token is enough to request. They must leave the owners of
 * the account and of the number messages to log in with.
 *
 * Confirmations and phone changes together may use half of an account's messages. Of a number's
 * messages, confirmations may use half, and phone changes a third, because any user can request
 * messages to any number. Together that is five sixths.
 */
function tokenLimits(
  limits: Limits,
  { purpose, userId, phone }: Omit<Recipient, 'country'>
): RateLimit[] {
  return [
    ...(purpose === 'phone-change'
      ? hourAndDay('sms.phone-changes', { phone }, share(limits, 3))
      : hourAndDay('sms.phone-confirmations', { phone }, share(limits, 2))),
    ...hourAndDay('sms.account-token', { userId }, share(limits, 2))
  ]
}

/** The message limits divided by `by`. At least 1, because 0 would turn a limit off. */
function share({ messagesPerPhoneHour, messagesPerPhoneDay }: MessageLimits, by: number) {
  const divide = (max: number) => (max === 0 ? 0 : Math.max(1, Math.floor(max / by)))
  return {
    messagesPerPhoneHour: divide(messagesPerPhoneHour),
    messagesPerPhoneDay: divide(messagesPerPhoneDay)
  }
}

type MessageLimits = Pick<Limits, 'messagesPerPhoneHour' | 'messagesPerPhoneDay'>

/** The rate limits of a message that do not depend on its recipient. */
const sharedLimits = (limits: Limits, context: RequestContext): RateLimit[] => [
  ...perNetwork(context, network => networkLimit(limits, network)),
  totalLimit(limits)
]

/**
 * Checks whether a message to any user could be sent. This comes before the password is compared,
 * because a later refusal would reveal to an attacker that the password is right, without a message
 * to the owner.
 */
export const checkSharedSmsLimits = (limits: Limits, context: RequestContext): LimitAction[] =>
  sharedLimits(limits, context).filter(isOn).map(check)

/**
 * Those of `limits` that belong to the number or the account. Only these are refunded when Twilio
 * rejects a message. The others stay counted, because otherwise failing requests would be
 * unlimited.
 */
export const ownedByRecipient = (limits: readonly RateLimit[]) =>
  limits.filter(({ key }) => 'phone' in key || 'userId' in key)

/** The names of the limits in `smsLimits` that belong to a number or an account. */
export const recipientLimitNames = [
  'phone',
  'phone-confirmations',
  'phone-changes',
  'account',
  'account-token'
].flatMap(name => [`sms.${name}-hour`, `sms.${name}-day`])

const isOn = ({ max }: RateLimit) => max > 0

const perHour = (name: `sms.${string}`, key: RateLimit['key'], max: number): RateLimit => ({
  name,
  key,
  max,
  windowSeconds: hour
})

const hourAndDay = (
  name: `sms.${string}`,
  key: RateLimit['key'],
  { messagesPerPhoneHour, messagesPerPhoneDay }: MessageLimits
): RateLimit[] => [
  perHour(`${name}-hour`, key, messagesPerPhoneHour),
  { name: `${name}-day`, key, max: messagesPerPhoneDay, windowSeconds: day }
]
