import twilio from 'twilio'
import { createTwilioHttp } from './twilio-http.ts'

/**
 * A Twilio account. The first of `authTokens` authenticates requests. `baseUrl` replaces
 * https://api.twilio.com. `timeoutMs` limits the duration of a whole request.
 */
export type TwilioAccount = {
  accountSid: string
  authTokens: readonly [string, ...string[]]
  baseUrl?: string
  timeoutMs: number
}

/** Twilio's SDK for this account, with connections of its own. */
export function createTwilioClient({ accountSid, authTokens, baseUrl, timeoutMs }: TwilioAccount) {
  // Empty, because without a value TWILIO_EDGE and TWILIO_REGION would change the host.
  const client = twilio(accountSid, authTokens[0], {
    httpClient: createTwilioHttp(timeoutMs),
    edge: '',
    region: ''
  })
  if (baseUrl !== undefined) client.api.baseUrl = baseUrl
  return client
}
