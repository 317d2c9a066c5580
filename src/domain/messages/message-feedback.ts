/** Tells the SMS provider which messages have reached their recipients. */
export type MessageFeedback = {
  /**
   * Tells that the code of a message has been entered. Returns at once and never throws. The
   * provider may never learn it, because no request waits and nothing is repeated.
   */
  confirm: (providerMessageId: string) => void
}
