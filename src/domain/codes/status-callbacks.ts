import type { DeliveryReport } from './delivery.ts'

/**
 * A status callback as it was received: our id of the message, from its path, and the fields of its
 * form. The values of a repeated field are a list.
 */
type StatusCallback = {
  messageId: string
  fields: Readonly<Record<string, string | string[]>>
}

/** Reads the status callbacks of the SMS provider. */
export type StatusCallbacks = {
  /**
   * Throws `invalid-signature` unless the SMS provider signed the callback for this URL, and
   * `not-found` when status callbacks are off.
   */
  authenticate: (callback: StatusCallback & { signature: string }) => void
  /** What an authentic callback reports. Null for a status that changes nothing. */
  interpret: (callback: StatusCallback) => DeliveryReport | null
}
