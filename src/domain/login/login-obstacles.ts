import { isLocked, endsOnlyByUnlock } from '../codes/lockout.ts'
import type { Limits } from '../rate-limits/limits.ts'
import type { ManagedUser } from '../users/user-directory.ts'

/** A reason why a user can't log in, and when it ends by itself; null if an operator has to act. */
export type LoginObstacle = { reason: string; until: Date | null }

/** All reasons why a user can't log in. `phoneError` is that of the stored number, if any. */
export function loginObstacles(
  user: Pick<
    ManagedUser,
    'disabled' | 'phone' | 'passwordKind' | 'codeFailures' | 'codeLockedUntil'
  >,
  phoneError: string | undefined,
  { codeFailures: limit }: Pick<Limits, 'codeFailures'>,
  now: Date
): LoginObstacle[] {
  const obstacles: LoginObstacle[] = []
  const add = (reason: string, until: Date | null = null) => {
    obstacles.push({ reason, until })
  }
  if (user.disabled) add('disabled')
  if (user.phone === null) add('no phone number')
  else if (phoneError !== undefined) add(toClause(phoneError))
  if (user.passwordKind === 'unusable') add('no password')
  if (user.passwordKind === 'unreadable') add('the stored password hash is unreadable')
  if (isLocked(user, limit, now))
    add(`${user.codeFailures} wrong codes`, endsOnlyByUnlock(user) ? null : user.codeLockedUntil)
  return obstacles
}

/**
 * Whether a user can log in, as a sentence: `ada can log in.`, `ada cannot log in: disabled.` or
 * `ada cannot log in until 2026-01-31 12:00Z: 5 wrong codes.`
 */
export function explainLogin(username: string, obstacles: readonly LoginObstacle[]): string {
  if (obstacles.length === 0) return `${username} can log in.`
  const ends = obstacles.flatMap(({ until }) => until ?? [])
  if (ends.length < obstacles.length)
    return `${username} cannot log in: ${obstacles.map(toText).join(', ')}.`
  const end = new Date(Math.max(...ends.map(Number)))
  const reasons = obstacles.map(({ reason }) => reason).join(', ')
  return `${username} cannot log in until ${formatEnd(end)}: ${reasons}.`
}

const toText = ({ reason, until }: LoginObstacle) =>
  until === null ? reason : `${reason} (until ${formatEnd(until)})`

/** The first full minute after it, as in `2026-01-31 12:00Z`. */
const formatEnd = (end: Date) =>
  new Date(Math.ceil(Number(end) / 60_000) * 60_000).toISOString().replace(/T(.{5}).*/, ' $1Z')

/** A sentence as a part of another. */
const toClause = (sentence: string) =>
  sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, '')
