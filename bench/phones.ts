import { createTwilioStandIn } from '../test/support/twilio-stand-in.ts'

export type Phones = Awaited<ReturnType<typeof startPhones>>

/** Receives the messages of all users through a Twilio stand-in that responds immediately. */
export async function startPhones() {
  const codes = new Map<string, string>()
  const twilio = await createTwilioStandIn({
    onMessage: ({ to, body }) => codes.set(to, body.slice(0, body.indexOf(' ')))
  })
  return {
    url: twilio.baseUrl,
    /** Returns the newest code. Throws if there is none, as it is sent before /login responds. */
    codeOf(phone: string) {
      const code = codes.get(phone)
      if (code === undefined) throw new Error(`no message was sent to ${phone}`)
      return code
    },
    violations: twilio.violations,
    close: twilio.close
  }
}
