import type { Policy } from '../../src/domain/policy.ts'

/** The fate of a message at Twilio. The service cannot distinguish the last two. */
export type Fate =
  'accepted' | 'rejected' | 'undeliverable' | 'lost' | 'delivered, but not confirmed'

/**
 * What an answer says, times in seconds; `asked`: Twilio was; `arrived`: and somebody has a text on
 * the phone.
 */
export type Expected = { status: number; slug?: string; asked?: true; arrived?: true } & Partial<
  Record<
    | 'sent'
    | 'expiresIn'
    | 'codeExpiresIn'
    | 'resendIn'
    | 'attemptsRemaining'
    | 'retryAfter'
    | 'reason',
    unknown
  >
>

/** The settings that affect a code. 0 means no limit. */
export type ModelPolicy = Pick<
  Policy,
  'codeTtl' | 'challengeTtl' | 'resendCooldown' | 'codeAttempts'
> & { codeFailures: number; messagesPerHour: number }

type Login = {
  code: string | null
  codeEnds: number
  resendAt: number
  attempts: number
  ends: number
  over: boolean
}

const refused = (status: number, slug: string, facts: Partial<Expected> = {}): Expected => ({
  status,
  slug,
  ...facts
})
const ended = refused(401, 'challenge-ended')

/**
 * A model of one user's codes, written from the contract alone, for one caller at a time. Time is
 * in seconds from the start.
 */
export function codeLifecycleModel(policy: ModelPolicy, failures: number) {
  const {
    codeTtl,
    challengeTtl,
    resendCooldown,
    codeAttempts,
    codeFailures: limit,
    messagesPerHour
  } = policy
  const opens = new Map<string, Login>()
  let now = 0
  let login: Login | null = null
  let lockedUntil = 0
  let texts = { spent: 0, ends: 0 }
  let undeliverableUntil = 0

  const isOpen = ({ over, attempts, ends }: Login) => !over && attempts > 0 && now < ends
  const isFresh = (one: Login) => isOpen(one) && now < one.codeEnds && now < one.resendAt
  const pending = ({ ends, codeEnds, resendAt }: Login, sent: boolean): Expected => ({
    status: 200,
    sent,
    expiresIn: ends - now,
    codeExpiresIn: codeEnds - now,
    resendIn: Math.max(resendAt - now, 0)
  })

  function locked(): Expected | null {
    if (limit > 0 && failures >= 100)
      return refused(429, 'too-many-attempts', { reason: 'codes-off', retryAfter: 86_400 })
    return now < lockedUntil
      ? refused(429, 'too-many-attempts', { reason: 'codes', retryAfter: lockedUntil - now })
      : null
  }

  /**
   * The previous code stops working whatever becomes of the new one, and a message that Twilio
   * refuses voids the new one too. A message that isn't tried, because a limit is reached or the
   * number is known to be undeliverable, changes nothing.
   */
  function text(one: Login, fate: Fate): Expected {
    const dead = { code: null, codeEnds: now, resendAt: now }
    if (now < undeliverableUntil) return refused(422, 'sms-undeliverable')
    if (messagesPerHour > 0) {
      // A window opens with its first use and stays open when that use is refunded.
      if (now >= texts.ends) texts = { spent: 0, ends: now + 3600 }
      if (texts.spent === messagesPerHour)
        return refused(429, 'too-many-texts', { retryAfter: texts.ends - now })
      if (fate !== 'rejected' && fate !== 'undeliverable') texts.spent++
    }
    if (fate === 'accepted') {
      Object.assign(one, {
        code: null,
        codeEnds: Math.min(now + codeTtl, one.ends),
        resendAt: now + resendCooldown
      })
      return { ...pending(one, true), asked: true, arrived: true }
    }
    Object.assign(one, dead)
    if (fate === 'undeliverable') undeliverableUntil = now + 24 * 60 * 60
    if (fate === 'undeliverable') return refused(422, 'sms-undeliverable', { asked: true })
    return refused(503, 'sms-unavailable', {
      asked: true,
      retryAfter: 1,
      ...(fate === 'delivered, but not confirmed' && { arrived: true })
    })
  }

  /** Every nth consecutive wrong code locks, each time for twice as long, at most for a day. */
  function countWrongCode(): number {
    failures++
    if (limit === 0) return Infinity
    const locks = Math.floor(failures / limit)
    if (failures % limit > 0) return Math.min(limit - (failures % limit), 100 - failures)
    lockedUntil = now + Math.min(15 * 60 * 2 ** (locks - 1), 24 * 60 * 60)
    return 0
  }

  return {
    wait(seconds: number) {
      now += seconds
    },
    unlock() {
      failures = lockedUntil = 0
    },
    login(rightPassword: boolean, fate: Fate): Expected {
      if (!rightPassword) return refused(401, 'invalid-credentials')
      const no = locked()
      if (no !== null) return no
      if (login !== null && isFresh(login)) return pending(login, false)
      const before = login
      login = {
        code: null,
        codeEnds: now,
        resendAt: now,
        attempts: codeAttempts,
        ends: now + challengeTtl,
        over: false
      }
      const answer = text(login, fate)
      if (answer.asked === undefined && before !== null && isOpen(before)) login = before
      return answer
    },
    resend(token: string, fate: Fate): Expected {
      const one = opens.get(token)
      if (one === undefined || one !== login || !isOpen(one)) return ended
      const no = locked()
      if (no !== null) return no
      if (now < one.resendAt)
        return refused(429, 'resend-too-soon', { retryAfter: one.resendAt - now })
      return text(one, fate)
    },
    verify(token: string, code: string): Expected {
      const one = opens.get(token)
      if (one === undefined || one !== login || !isOpen(one)) return ended
      const no = locked()
      if (no !== null) return no
      if (now >= one.codeEnds) return refused(401, 'code-expired')
      if (code === one.code) {
        one.over = true
        failures = lockedUntil = 0
        return { status: 200 }
      }
      one.attempts--
      return refused(401, 'wrong-code', {
        attemptsRemaining: Math.min(one.attempts, countWrongCode())
      })
    },
    /** The values that the service drew at random or derived with a key. */
    learn({ token, code }: { token?: string | undefined; code?: string | undefined }) {
      if (login !== null && token !== undefined) opens.set(token, login)
      if (login !== null && code !== undefined && now < login.codeEnds) login.code = code
    }
  }
}

/** The model in any state. */
export type CodeLifecycleModel = ReturnType<typeof codeLifecycleModel>
