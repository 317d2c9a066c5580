/** The rate limits that an operator can set. 0 turns a limit off. */
export type Limits = {
  /** POST requests, and others with a body, per client network and minute. */
  requests: number
  /** GET and DELETE requests with an access token, per session and minute. */
  requestsPerSession: number
  /** The same, per client network and minute. */
  sessionRequestsPerNetwork: number
  /** Wrong passwords per username and client network in 15 minutes. */
  passwordFailures: number
  /** Consecutive wrong codes before an account is locked. */
  codeFailures: number
  /** Messages per phone number, and per account. */
  messagesPerPhoneHour: number
  messagesPerPhoneDay: number
  /** Messages per client network and hour. */
  messagesPerNetworkHour: number
  messagesPerCountryHour: number
  /** Messages per hour in total. */
  messagesPerHour: number
}
