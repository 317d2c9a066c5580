import type { Policy } from '../../src/domain/policy.ts'

/** What becomes of a message at Twilio. The service cannot distinguish the last two. */
export type MessageOutcome =
  'accepted' | 'rejected' | 'undeliverable' | 'lost' | 'delivered, but not confirmed'

/**
 * A response, with times in seconds. `requested` means that Twilio got a request, and `delivered`
 * that the user got a message.
 */
export type Expected = {
  status: number
  slug?: string
  requested?: true
  delivered?: true
} & Partial<
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
  codeExpiresAt: number
  resendAt: number
  attempts: number
  expiresAt: number
  consumed: boolean
}

const refused = (status: number, slug: string, facts: Partial<Expected> = {}): Expected => ({
  status,
  slug,
  ...facts
})
const ended = refused(401, 'challenge-ended')

/**
 * A model of one user's codes, written from the contract alone, for sequential requests. Time is in
 * seconds from the start.
 */
export function createCodeLifecycleModel(policy: ModelPolicy, failures: number) {
  const {
    codeTtl,
    challengeTtl,
    resendCooldown,
    codeAttempts,
    codeFailures: limit,
    messagesPerHour
  } = policy
  const loginOf = new Map<string, Login>()
  let now = 0
  let current: Login | null = null
  let lockedUntil = 0
  let messages = { count: 0, resetsAt: 0 }
  let undeliverableUntil = 0

  const isOpen = ({ consumed, attempts, expiresAt }: Login) =>
    !consumed && attempts > 0 && now < expiresAt
  const isFresh = (login: Login) =>
    isOpen(login) && now < login.codeExpiresAt && now < login.resendAt
  const pending = ({ expiresAt, codeExpiresAt, resendAt }: Login, sent: boolean): Expected => ({
    status: 200,
    sent,
    expiresIn: expiresAt - now,
    codeExpiresIn: codeExpiresAt - now,
    resendIn: Math.max(resendAt - now, 0)
  })

  function lockout(): Expected | null {
    if (limit > 0 && failures >= 100)
      return refused(429, 'too-many-attempts', { reason: 'codes-off', retryAfter: 86_400 })
    return now < lockedUntil
      ? refused(429, 'too-many-attempts', { reason: 'codes', retryAfter: lockedUntil - now })
      : null
  }

  /**
   * The previous code stops working whatever becomes of the new one, and a message that Twilio
   * refuses voids the new one too. A message that isn't attempted, because a limit is reached or
   * the number is known to be undeliverable, changes nothing.
   */
  function send(login: Login, outcome: MessageOutcome): Expected {
    const voided = { code: null, codeExpiresAt: now, resendAt: now }
    if (now < undeliverableUntil) return refused(422, 'sms-undeliverable')
    if (messagesPerHour > 0) {
      // A window opens with its first use and stays open when that use is refunded.
      if (now >= messages.resetsAt) messages = { count: 0, resetsAt: now + 3600 }
      if (messages.count === messagesPerHour)
        return refused(429, 'too-many-texts', { retryAfter: messages.resetsAt - now })
      if (outcome !== 'rejected' && outcome !== 'undeliverable') messages.count++
    }
    if (outcome === 'accepted') {
      Object.assign(login, {
        code: null,
        codeExpiresAt: Math.min(now + codeTtl, login.expiresAt),
        resendAt: now + resendCooldown
      })
      return { ...pending(login, true), requested: true, delivered: true }
    }
    Object.assign(login, voided)
    if (outcome === 'undeliverable') undeliverableUntil = now + 24 * 60 * 60
    if (outcome === 'undeliverable') return refused(422, 'sms-undeliverable', { requested: true })
    return refused(503, 'sms-unavailable', {
      requested: true,
      retryAfter: 1,
      ...(outcome === 'delivered, but not confirmed' && { delivered: true })
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
    login(isPasswordCorrect: boolean, outcome: MessageOutcome): Expected {
      if (!isPasswordCorrect) return refused(401, 'invalid-credentials')
      const locked = lockout()
      if (locked !== null) return locked
      if (current !== null && isFresh(current)) return pending(current, false)
      const previous = current
      current = {
        code: null,
        codeExpiresAt: now,
        resendAt: now,
        attempts: codeAttempts,
        expiresAt: now + challengeTtl,
        consumed: false
      }
      const response = send(current, outcome)
      if (response.requested === undefined && previous !== null && isOpen(previous))
        current = previous
      return response
    },
    resend(token: string, outcome: MessageOutcome): Expected {
      const login = loginOf.get(token)
      if (login === undefined || login !== current || !isOpen(login)) return ended
      const locked = lockout()
      if (locked !== null) return locked
      if (now < login.resendAt)
        return refused(429, 'resend-too-soon', { retryAfter: login.resendAt - now })
      return send(login, outcome)
    },
    verify(token: string, code: string): Expected {
      const login = loginOf.get(token)
      if (login === undefined || login !== current || !isOpen(login)) return ended
      const locked = lockout()
      if (locked !== null) return locked
      if (now >= login.codeExpiresAt) return refused(401, 'code-expired')
      if (code === login.code) {
        login.consumed = true
        failures = lockedUntil = 0
        return { status: 200 }
      }
      login.attempts--
      const beforeLockout = countWrongCode()
      return refused(401, 'wrong-code', {
        attemptsRemaining: Math.min(login.attempts, beforeLockout),
        ...(beforeLockout === 0 && { retryAfter: failures >= 100 ? 86_400 : lockedUntil - now })
      })
    },
    /** Takes over the values that the service drew at random or derived with a key. */
    learn({ token, code }: { token?: string | undefined; code?: string | undefined }) {
      if (current !== null && token !== undefined) loginOf.set(token, current)
      if (current !== null && code !== undefined && now < current.codeExpiresAt) current.code = code
    }
  }
}

/** The model in any state. */
export type CodeLifecycleModel = ReturnType<typeof createCodeLifecycleModel>
