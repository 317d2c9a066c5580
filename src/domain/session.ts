import type { Charge, Charged } from './budgets.ts'

/** A login that lasts: a family of refresh tokens, of which only the newest is good. */
export type Session = {
  /** `sid` in access tokens. */
  id: string
  userId: string
  /** Of the newest refresh token. */
  tokenHash: Uint8Array<ArrayBuffer>
  /** A short name of the program that logged in, as far as it told one. */
  client: string | null
  /** When password and code were checked; no refresh changes it. */
  createdAt: Date
  lastUsedAt: Date
  /** The end unless it is refreshed before; never after `endsAt`. */
  idleEndsAt: Date
  /** The end, however often it is refreshed. */
  endsAt: Date
}

/** How ids look; what looks otherwise names no session. */
export const sessionIdPattern = /^[A-Za-z0-9_-]{22}$/

/** A session with the refresh token that its client goes on with. */
export type Grant = { session: Session, refreshToken: string }

/** Which session, and whose: what an access token tells of one. */
export type SessionRef = Pick<Session, 'id' | 'userId'>

/** Remembers the sessions that are alive: one that has ended is as good as none. `challenges.consume` begins them. */
export type Sessions = {
  /** Null when it has ended, or its owner is disabled. */
  find: (id: string, now: Date) => Promise<Session | null>
  /** The latest used first. */
  list: (userId: string, now: Date) => Promise<Session[]>
  /**
   * Puts `next` in the place of the refresh token with this hash and moves the idle end, not past the session's own: one
   * conditional statement, so that of many at once one succeeds. Null when `used` is not the newest, the session has
   * ended, its owner is disabled, or `charges` have no room.
   */
  rotate: (id: string, used: Session['tokenHash'], next: Pick<Session, 'tokenHash' | 'idleEndsAt'>, charges: readonly Charge[], now: Date) => Promise<Charged<Session | null>>
  /** Resolves to the session if it was this call that ended it. */
  end: (id: string) => Promise<SessionRef | null>
  /** The same, if it is this person's and alive. */
  endOwn: (session: SessionRef, now: Date) => Promise<SessionRef | null>
  /** Ends all of a person's but this one, and resolves to those. */
  endOthers: (kept: SessionRef) => Promise<SessionRef[]>
}
