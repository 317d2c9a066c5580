import { maskPhone } from '../../domain/users/mask-phone.ts'
import type { Sms } from '../../domain/messages/sms.ts'

/** Prints messages on the server's terminal instead of sending them, to try the service out. */
export function createTerminalSms(write: (line: string) => void): Sms {
  return {
    async send({ to, body }) {
      const heading = `── NOT SENT: Twilio is not configured. Message to ${maskPhone(to)}: `
      // A single write keeps concurrent messages apart. The body has its own line so that the user
      // can copy it.
      write(`${heading}──\n${body}\n${'─'.repeat(heading.length + 2)}`)
      return 'accepted'
    }
  }
}
