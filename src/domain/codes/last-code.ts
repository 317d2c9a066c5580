import { after } from '../clock.ts'
import type { Policy } from '../policy.ts'
import { endOf, type Challenge } from './challenge.ts'
import { lockoutKind, type LockoutKind } from './purpose.ts'

/** The columns of a challenge that say what became of its code. */
export type CodeRecord = Pick<
  Challenge,
  | 'purpose'
  | 'codeExpiresAt'
  | 'resendAt'
  | 'attemptsLeft'
  | 'expiresAt'
  | 'consumedAt'
  | 'delivery'
  | 'deliveryReason'
>

/** The newest code of one kind that a user got, or should have got. */
export type LastCode = Pick<
  CodeRecord,
  'attemptsLeft' | 'codeExpiresAt' | 'delivery' | 'deliveryReason'
> & {
  of: LockoutKind
  /** When it was sent, or when sending it failed. */
  at: Date
  /**
   * `void`: the SMS provider did not accept its message, or a rate limit refused it.
   * `code-expired`: the user can ask for another code. `expired`: the user has to start again.
   */
  state: 'open' | 'void' | 'used' | 'out-of-attempts' | 'expired' | 'code-expired'
}

type Lifetimes = Pick<Policy, 'codeTtl' | 'resendCooldown'>

/** The newest code of each kind, the newest first. A challenge has only its newest code. */
export function lastCodes(
  records: readonly CodeRecord[],
  policy: Lifetimes,
  now: Date
): LastCode[] {
  const codes = records
    .map(record => toLastCode(record, policy, now))
    .sort((a, b) => b.at.getTime() - a.at.getTime())
  return codes.filter(({ of }, index) => codes.findIndex(code => code.of === of) === index)
}

function toLastCode(
  record: CodeRecord,
  { codeTtl, resendCooldown }: Lifetimes,
  now: Date
): LastCode {
  const { purpose, codeExpiresAt, resendAt, attemptsLeft, delivery, deliveryReason } = record
  // `voidCode` sets both to the time of the failure. A message sets them to different times, unless
  // the variables are equal.
  const isVoid = codeTtl !== resendCooldown && Number(codeExpiresAt) === Number(resendAt)
  const expired = codeExpiresAt <= now ? 'code-expired' : 'open'
  return {
    of: lockoutKind(purpose),
    at: isVoid ? codeExpiresAt : after(codeExpiresAt, -codeTtl),
    state: isVoid ? 'void' : (endOf(record, now) ?? expired),
    attemptsLeft,
    codeExpiresAt,
    delivery,
    deliveryReason
  }
}
