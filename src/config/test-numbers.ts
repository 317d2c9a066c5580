import { countryError } from '../adapters/sms/libphonenumber-phones.ts'
import type { TestNumber, TestNumbers } from '../domain/codes/test-numbers.ts'

/** How many days from today the last day may be in production. */
const maxDays = 90

/** What the entries are checked against. */
type Rules = { codeLength: number; production: boolean; now: Date }

/**
 * The test numbers in a list such as `+12025550123=424242@2026-12-31,…`. An entry whose last day
 * has passed is valid, because otherwise the service would not start again after that day. Throws
 * an Error whose message names the first invalid entry by its position. It repeats nothing of the
 * entry, because the code is secret and the number may be a person's.
 */
export function parseTestNumbers(text: string | undefined, rules: Rules): TestNumbers {
  const numbers = new Map<string, TestNumber>()
  for (const [index, entry] of text?.split(',').entries() ?? []) {
    const [, phone = '', code = '', lastDay = ''] =
      /^(\+\d+)=(\d+)@(\d{4}-\d{2}-\d{2})$/.exec(entry.trim()) ?? []
    const error = numbers.has(phone)
      ? 'has the number of an earlier entry'
      : entryError(phone, code, lastDay, rules)
    if (error !== undefined) throw new Error(`TEST_NUMBERS entry ${index + 1} ${error}`)
    numbers.set(phone, { code, lastDay })
  }
  return numbers
}

function entryError(
  phone: string,
  code: string,
  lastDay: string,
  { codeLength, production, now }: Rules
): string | undefined {
  if (phone === '')
    return 'must be a number, its code and its last day, like +12025550123=<code>@2026-12-31'
  if (!isFictional(phone))
    return 'must have a number that is reserved for fiction: +1 … 555 01xx or +44 7700 900xxx'
  if (code.length !== codeLength) return `must have a code of ${codeLength} digits (CODE_LENGTH)`
  const days = daysUntil(lastDay, now)
  if (days === undefined) return 'must have an existing day, like 2026-12-31'
  if (!production) return undefined
  if (isProgression(code))
    return 'must have a code that is hard to guess, not a repeated digit or a sequence'
  return days > maxDays
    ? `must have a last day within ${maxDays} days when NODE_ENV is production`
    : undefined
}

/**
 * Whether nobody can have the number. In the United States, 555-0100 to 555-0199 of every area code
 * are reserved for fiction (NANPA), and in the United Kingdom 07700 900000 to 900999 (Ofcom). Some
 * toll-free numbers of this form exist, so only personal lines are accepted. Each number has one
 * spelling, so that none can be in the list twice.
 */
const isFictional = (phone: string) =>
  /^\+447700900\d{3}$/.test(phone) ||
  (/^\+1\d{3}55501\d{2}$/.test(phone) && countryError(phone, ['US']) === undefined)

/** Days from today until a day in UTC. Undefined if the calendar has no such day. */
function daysUntil(day: string, now: Date): number | undefined {
  const time = Date.parse(`${day}T00:00:00Z`)
  // JavaScript reads February 30 as March 2.
  if (Number.isNaN(time) || !new Date(time).toISOString().startsWith(day)) return undefined
  return (time - Date.parse(`${now.toISOString().slice(0, 10)}T00:00:00Z`)) / 86_400_000
}

/** Whether the code is like 000000, 123456 or 210987: each digit differs equally from the last. */
function isProgression(code: string) {
  const steps = [...code].slice(1).map((digit, n) => (Number(digit) - Number(code[n]) + 10) % 10)
  const [first = 0] = steps
  return [0, 1, 9].includes(first) && steps.every(step => step === first)
}
