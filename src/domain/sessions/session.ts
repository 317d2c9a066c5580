import type { LimitAction } from '../rate-limits/rate-limit.ts'
import type { User } from '../users/user.ts'

/** A family of refresh tokens, of which only the newest is valid. A login opens it. */
export type Session = {
  /** `sid` in access tokens. */
  id: string
  userId: string
  /** The hash of the newest refresh token. */
  tokenHash: Uint8Array<ArrayBuffer>
  /** A short name of the program that logged in, if it sent one. */
  client: string | null
  /** The language that the login requested; null if none of its languages is available. */
  language: string | null
  /** When password and code were checked. A refresh does not change it. */
  createdAt: Date
  lastUsedAt: Date
  /** When the session ends unless it is refreshed; never after `expiresAt`. */
  idleExpiresAt: Date
  /** When the session ends, however often it is refreshed. */
  expiresAt: Date
}

/** A session to open. Its challenge supplies the user and the language. */
export type SessionDraft = Omit<Session, 'userId' | 'language'>

/** The form of session ids. A string of another form names no session. */
export const sessionIdPattern = /^[A-Za-z0-9_-]{22}$/

/** A session with the claims that its user has now, for an access token. */
export type SessionWithClaims = Session & Pick<User, 'claims'>

/** A session and the refresh token that its client uses next. */
export type IssuedSession = { session: SessionWithClaims; refreshToken: string }

/** A session and its user, as an access token names them. */
export type SessionRef = Pick<Session, 'id' | 'userId'>

/** A refresh token that a client sends: its hash, and its generation if that is authenticated. */
type UsedToken = { hash: Session['tokenHash']; generation: number | null }

/** The sessions that have not ended. `challenges.consume` opens them. */
export type Sessions = {
  /** Null when the session has ended, or its user is disabled. */
  find: (id: string, now: Date) => Promise<SessionWithClaims | null>
  /** The user of a session. Null when the session has ended, or the user is disabled. */
  findUser: (session: SessionRef, now: Date) => Promise<User | null>
  /** The most recently used first. */
  list: (userId: string, now: Date) => Promise<Session[]>
  /**
   * Replaces the refresh token `used` by `next` and extends the session. This is one conditional
   * statement, so only one of several concurrent calls succeeds. The idle expiry never exceeds the
   * session's expiry, and neither exceeds the `expiresAt` of `next`. A `used` token of a later
   * generation than the stored one is also accepted, once, because a failover lost its rotation.
   * Resolves to null when `used` is neither the stored token nor a newer one, the session has
   * ended, or its user is disabled. Throws `rateLimited`.
   */
  rotate: (
    id: string,
    used: UsedToken,
    next: Pick<Session, 'tokenHash' | 'idleExpiresAt' | 'expiresAt'>,
    limits: readonly LimitAction[],
    now: Date
  ) => Promise<SessionWithClaims | null>
  /** Resolves to the session if this call ended it, otherwise to null. */
  end: (id: string) => Promise<SessionRef | null>
  /** The same, if the session belongs to this user and has not expired. */
  endOwn: (session: SessionRef, now: Date) => Promise<SessionRef | null>
  /** Ends all sessions of a user except this one, and resolves to those it ended. */
  endOthers: (kept: SessionRef) => Promise<SessionRef[]>
}
