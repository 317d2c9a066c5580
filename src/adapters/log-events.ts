import type { Event, EventName, Events } from '../domain/events.ts'

/** The levels used here; pino and Fastify's logger fit. */
export type EventLog = Record<'info' | 'warn', (fields: object, message: string) => void>

/** Each event as a line of the log. */
export const logEvents = (log: EventLog): Events => ({
  record ({ name, caller, ...facts }: Event) {
    const [level, message] = lines[name]
    log[level]({ event: name, ...(caller !== null && { reqId: caller.requestId, ip: caller.address }), ...facts }, message)
  }
})

const lines: Record<EventName, ['info' | 'warn', string]> = {
  'password.right': ['info', 'a right password'],
  'password.wrong': ['info', 'a login without the right password'],
  'code.sent': ['info', 'a code was handed over for delivery'],
  'code.not-sent': ['info', 'a code could not be handed over, and is void; why, another line says'],
  'code.right': ['info', 'a right code'],
  'code.wrong': ['info', 'a wrong code'],
  'codes.locked': ['warn', 'too many wrong codes in a row: the account is locked for a while, or until users unlock'],
  'token.issued': ['info', 'an access token was issued'],
  'session.ended': ['info', 'somebody ended a session'],
  'session.reused': ['warn', 'a used refresh token came back, so it was copied: its session is over for thief and owner'],
  'action.asked': ['info', 'somebody is asked to confirm an action'],
  'action.confirmed': ['info', 'an action was confirmed'],
  'receipt.issued': ['info', 'a receipt was issued for it'],
  'limit.reached': ['warn', 'refused: a budget is used up'],
  'country.stopped': ['warn', 'too few of the codes texted to this country are typed in: texts there stop for a while, as they may be fraud']
}
