/** The values for a confirmation template, by placeholder. */
export type ConfirmationData = Readonly<Record<string, string | number>>

/**
 * The action that the user confirms. It is fixed when the confirmation is requested, and the
 * receipt signs it.
 */
export type TransactionDetails = {
  action: string
  data: ConfirmationData
  /** The calling service's own reference, opaque to us. */
  reference: string | null
  /** The sentence in the message. */
  text: string
  /** The session that requested the confirmation. Only this session may resend or verify it. */
  sessionId: string
  /** When the user logged in to that session, in whole seconds since 1970. */
  authTime: number
}
