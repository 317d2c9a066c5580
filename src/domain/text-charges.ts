import type { Charge } from './budgets.ts'
import type { Caller } from './caller.ts'
import type { Limits } from './limits.ts'

const hour = 3600
const day = 24 * hour

/** What a text costs: the number it goes to, the account and the network it is for, its country, and the purse. */
export function textCharges (limits: Limits, { network }: Caller, { userId, phone, country }: { userId: string, phone: string, country: string }): Charge[] {
  const charges = [
    // Many accounts may share a number, and an account may change its number.
    { budget: 'texts.phone-hour', of: { phone }, limit: limits.textsPerPhoneHour, seconds: hour },
    { budget: 'texts.phone-day', of: { phone }, limit: limits.textsPerPhoneDay, seconds: day },
    { budget: 'texts.account-hour', of: { userId }, limit: limits.textsPerPhoneHour, seconds: hour },
    { budget: 'texts.account-day', of: { userId }, limit: limits.textsPerPhoneDay, seconds: day },
    { budget: 'texts.network-hour', of: { network }, limit: limits.textsPerNetworkHour, seconds: hour },
    { budget: 'texts.country-hour', of: { country }, limit: limits.textsPerCountryHour, seconds: hour },
    { budget: 'texts.hour', of: {}, limit: limits.textsPerHour, seconds: hour }
  ]
  return charges.filter(({ limit }) => limit > 0)
}
