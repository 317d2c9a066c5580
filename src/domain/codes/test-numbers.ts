import type { Purpose } from './purpose.ts'

/** The fixed code of a test number. */
export type TestNumber = {
  code: string
  /** The last day on which it works, in UTC, for example 2026-12-31. */
  lastDay: string
}

/**
 * Numbers reserved for fiction, in E.164, whose logins app reviewers and automated tests complete
 * without a phone. They never get a message.
 */
export type TestNumbers = ReadonlyMap<string, TestNumber>

/** Whether the last day of a test number has passed. */
export const hasEnded = ({ lastDay }: TestNumber, now: Date) =>
  now.toISOString().slice(0, lastDay.length) > lastDay

/**
 * The fixed code of a login with a test number. Undefined for other numbers, other purposes and
 * after the last day. A fixed code proves no possession of a phone, so it confirms no action and
 * adds no number to an account.
 */
export function fixedCode(
  testNumbers: TestNumbers,
  purpose: Purpose,
  phone: string,
  now: Date
): string | undefined {
  const found = purpose === 'login' ? testNumbers.get(phone) : undefined
  return found === undefined || hasEnded(found, now) ? undefined : found.code
}
