import { createTwilioStandIn } from '../test/support/twilio-stand-in.ts'

export type Phones = Awaited<ReturnType<typeof startPhones>>

/** Everybody's phone, behind a Twilio on loopback that answers at once. */
export async function startPhones () {
  const codes = new Map<string, string>()
  const twilio = await createTwilioStandIn({ onText: ({ to, body }) => codes.set(to, body.slice(0, body.indexOf(' '))) })
  return {
    url: twilio.baseUrl,
    /** The digits of the newest text. Throws when there is none: Twilio has a text before /login answers. */
    codeOf (phone: string) {
      const code = codes.get(phone)
      if (code === undefined) throw new Error(`no text came for ${phone}`)
      return code
    },
    violations: twilio.violations,
    close: twilio.close
  }
}
