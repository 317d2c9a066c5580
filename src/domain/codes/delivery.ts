import type { UndeliverableReason } from './undeliverable.ts'

/** The states that the SMS provider reports, in the order in which a later one replaces another. */
const reportedStates = ['queued', 'sent', 'failed', 'delivered'] as const

type ReportedDelivery = (typeof reportedStates)[number]

/**
 * What is known about the delivery of a challenge's newest message:
 * - `none`: no message has been sent.
 * - `unknown`: the SMS provider doesn't report to this service.
 * - `queued`: the SMS provider has the message.
 * - `sent`: the carrier has it. Some carriers report nothing more.
 * - `failed`: it will not arrive, unless a late report of `delivered` says that it has.
 * - `delivered`: it has arrived.
 */
export type Delivery = 'none' | 'unknown' | ReportedDelivery

/** Why a message failed, as its caller sees it. */
export type DeliveryReason =
  'unreachable' | 'not-mobile' | 'blocked' | 'filtered' | 'expired' | 'unknown'

/** A failure that the operator has to act on, because it doesn't depend on the recipient. */
export type ServiceFault = 'filtered' | 'fraud' | 'account' | 'queue'

export type DeliveryFailure = {
  reason: DeliveryReason
  /** Why no further message should be sent to the number. Null if another may arrive. */
  undeliverable: UndeliverableReason | null
  fault: ServiceFault | null
  /** The SMS provider's own code, for the operator. */
  providerCode: number | null
}

/** A report of the SMS provider about a message, with our id of it and the provider's own. */
export type DeliveryReport = { messageId: string; providerMessageId: string | null } & (
  | { delivery: Exclude<ReportedDelivery, 'failed'>; failure: null }
  | { delivery: 'failed'; failure: DeliveryFailure }
)

/**
 * The states that a report of `delivery` replaces. Reports are late, repeated and out of order, so
 * all others stay.
 */
export const replacedBy = (delivery: ReportedDelivery): readonly Delivery[] =>
  reportedStates.slice(0, reportedStates.indexOf(delivery))

/** The reason that a caller sees for a number that can't receive messages. */
export const reasonFor: Readonly<Record<UndeliverableReason, DeliveryReason>> = {
  blocked: 'blocked',
  'not-mobile': 'not-mobile',
  unassigned: 'unreachable',
  unroutable: 'unknown'
}
