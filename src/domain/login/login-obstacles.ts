import { isLocked, endsOnlyByUnlock } from '../codes/lockout.ts'
import type { Limits } from '../rate-limits/limits.ts'
import type { ManagedUser } from '../users/user-directory.ts'

/** A reason why a user can't log in. */
export type LoginObstacle = {
  reason: string
  /** When it ends by itself; null if an operator has to act. */
  until: Date | null
  /**
   * What it refuses: all logins, those that need another message, or those from the networks that
   * it concerns.
   */
  refuses: 'logins' | 'messages' | 'networks'
}

/**
 * The reasons in the user's account why they can't log in. `phoneError` is that of the stored
 * number, if any.
 */
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
    obstacles.push({ reason, until, refuses: 'logins' })
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

/** Whether none of these refuses a login. An open code can be entered without another message. */
export const canLogIn = (obstacles: readonly LoginObstacle[], hasOpenCode: boolean) =>
  obstacles.every(
    ({ refuses }) => refuses === 'networks' || (refuses === 'messages' && hasOpenCode)
  )

/**
 * Whether a user can log in, as a sentence: `ada can log in.`, `ada cannot log in: disabled.` or
 * `ada cannot log in until 2026-01-31 12:00Z: 5 wrong codes.` `codeExpiresAt` is the end of a code
 * that the user can still enter, if any.
 */
export function explainLogin(
  username: string,
  obstacles: readonly LoginObstacle[],
  codeExpiresAt: Date | null
): string {
  const general = obstacles.filter(({ refuses }) => refuses !== 'networks')
  if (general.length > 0 && !canLogIn(general, codeExpiresAt !== null))
    return `${username} cannot log in${toClauses(general)}.`
  const notFrom = obstacles.filter(({ refuses }) => refuses === 'networks')
  const from = notFrom.length === 0 ? '' : `, but not from every network${toClauses(notFrom)}`
  if (general.length === 0 || codeExpiresAt === null) return `${username} can log in${from}.`
  const valid = `with the code that is valid until ${toSecond(codeExpiresAt)}`
  return `${username} can log in ${valid}${from}. No other code can be sent${toClauses(general)}.`
}

/** For example ` until 2026-01-31 12:00Z: 5 wrong codes`. */
function toClauses(obstacles: readonly LoginObstacle[]): string {
  const ends = obstacles.flatMap(({ until }) => until ?? [])
  if (ends.length < obstacles.length) return `: ${obstacles.map(toText).join(', ')}`
  const end = new Date(Math.max(...ends.map(Number)))
  return ` until ${formatEnd(end)}: ${obstacles.map(({ reason }) => reason).join(', ')}`
}

const toSecond = (time: Date) => `${time.toISOString().slice(0, 19).replace('T', ' ')}Z`

const toText = ({ reason, until }: LoginObstacle) =>
  until === null ? reason : `${reason} (until ${formatEnd(until)})`

/** The first full minute after it, as in `2026-01-31 12:00Z`. */
export const formatEnd = (end: Date) =>
  new Date(Math.ceil(Number(end) / 60_000) * 60_000).toISOString().replace(/T(.{5}).*/, ' $1Z')

/** A sentence as a part of another. */
const toClause = (sentence: string) =>
  sentence.charAt(0).toLowerCase() + sentence.slice(1).replace(/\.$/, '')
