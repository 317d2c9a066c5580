/** A text message on its way to a phone. */
export type Text = {
  /** E.164, from the user's record, never from a request. */
  to: string
  body: string
  /** Seconds after which delivering it would be pointless: the life of the code in it. */
  validFor: number
}

/** Hands texts to whoever delivers them. */
export type Sms = {
  /**
   * Resolves once the text was accepted for delivery. Throws the refusal `sms-undeliverable` when this number can't be
   * texted, `sms-unavailable` when the text could not be handed over or nobody knows whether it was.
   */
  send: (text: Text) => Promise<void>
}
