import { maskPhone } from '../domain/mask-phone.ts'
import type { Sms } from '../domain/sms.ts'

/** Shows texts on the server's terminal instead of sending them, for trying the service out without Twilio. */
export function terminalSms (write: (line: string) => void): Sms {
  return {
    async send ({ to, body }) {
      const heading = `── NOT SENT: no Twilio is configured. Text to ${maskPhone(to)}: `
      // One write, so that two texts at once can't mix; the body stands alone, so that it can be copied as it is.
      write(`${heading}──\n${body}\n${'─'.repeat(heading.length + 2)}`)
      return 'accepted'
    }
  }
}
