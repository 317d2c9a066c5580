import type { ConfirmationData } from './confirmation-template.ts'

/** What a person is asked to confirm: fixed when it is asked for, read by the person, and signed as it is. */
export type Subject = {
  action: string
  data: ConfirmationData
  /** The asking service's own name for it, opaque to us. */
  reference: string | null
  /** The sentence that the person reads. */
  text: string
  /** The session that asked, which alone may go on with it. */
  sessionId: string
  /** When the password and the code of that session were checked, in whole seconds since 1970. */
  authTime: number
}
