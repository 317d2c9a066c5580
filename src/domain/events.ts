import type { Caller } from './caller.ts'

/** What is worth evidence: who did what, without a secret in it. */
export type Event = { caller: Caller | null } & (
  | { name: 'password.right', userId: string }
  /** Null: nobody has that name. It isn't kept: people type passwords there. */
  | { name: 'password.wrong', userId: string | null }
  | { name: 'code.sent', userId: string, country: string }
  | { name: 'code.not-sent', userId: string, country: string, reason: string }
  | { name: 'code.right', userId: string, country: string }
  | { name: 'code.wrong', userId: string }
  | { name: 'codes.locked', userId: string, failures: number }
  | { name: 'token.issued', userId: string, sessionId: string, tokenId: string }
  | { name: 'session.ended', userId: string, sessionId: string }
  /** A refresh token came back that had been exchanged before: it was copied, and the session has been ended. */
  | { name: 'session.reused', userId: string, sessionId: string }
  | { name: 'action.asked', userId: string, sessionId: string, action: string }
  | { name: 'action.confirmed', userId: string, sessionId: string, action: string }
  | { name: 'receipt.issued', userId: string, receiptId: string }
  | { name: 'limit.reached', budget: string }
  /** Too few of its texts were verified; nobody in particular did it, so there is no caller. */
  | { name: 'country.stopped', country: string, texts: number, verified: number, until: Date }
)

export type EventName = Event['name']

/** Takes note of events. Never throws, and nobody waits for it. */
export type Events = { record: (event: Event) => void }
