import type { MessageFeedback } from '../../domain/messages/message-feedback.ts'

/** Feedback that is off: the SMS provider learns nothing. */
export const noMessageFeedback: MessageFeedback = { confirm() {} }
