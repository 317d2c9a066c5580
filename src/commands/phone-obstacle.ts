import { countryError } from '../adapters/sms/libphonenumber-phones.ts'
import type { Config } from '../config/config.ts'
import { hasEnded } from '../domain/codes/test-numbers.ts'

/** A sentence that says why nobody can log in with a stored number. Undefined if its user can. */
export function phoneObstacle(
  phone: string,
  { countries, policy }: Pick<Config, 'countries' | 'policy'>,
  now: Date
): string | undefined {
  const test = policy.testNumbers.get(phone)
  if (test === undefined) return countryError(phone, countries)
  return hasEnded(test, now)
    ? `The phone is a test number, and its last day was ${test.lastDay}.`
    : undefined
}
