/** A text message on its way to a phone. */
export type Text = {
  /** E.164, from the user's record, never from a request. */
  to: string
  body: string
  /** Seconds after which delivering it would be pointless: the life of the code in it. */
  validFor: number
}

/**
 * What became of a text: accepted for delivery; not, because this number can't be texted; not, for another reason; or
 * nobody can say whether it is on its way.
 */
export type Outcome = 'accepted' | 'undeliverable' | 'rejected' | 'unknown'

/** Hands texts to whoever delivers them. */
export type Sms = {
  /** Never rejects, and never tries twice: a text may cost money, and arrive, although nobody said so. */
  send: (text: Text) => Promise<Outcome>
}
