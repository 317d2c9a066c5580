/** How much of what is allowed. 0 is no limit, everywhere. */
export type Limits = {
  /** Requests to the public POSTs, per client network and minute. */
  requests: number
  /** Wrong passwords, per username and client network, in 15 minutes. */
  passwordFailures: number
  /** Wrong codes in a row, per account, before its codes are locked. */
  codeFailures: number
  /** Texts, to one number or for one account. */
  textsPerPhoneHour: number
  textsPerPhoneDay: number
  /** Texts that one client network may cause in an hour. */
  textsPerNetworkHour: number
  textsPerCountryHour: number
  /** Texts in all. */
  textsPerHour: number
}
