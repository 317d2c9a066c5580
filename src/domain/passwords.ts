/** Hashes and checks passwords, slowly on purpose. Both throw the refusal `busy` when too many are waiting already. */
export type Passwords = {
  /** A digest in PHC form at today's cost. */
  hash: (password: string) => Promise<string>
  /**
   * Whether the password is the digest's. Without a digest (an unknown person) it takes as long and says no; a malformed
   * digest is a no as well. `outdated`: right, but hashed more cheaply than is asked for today.
   */
  verify: (digest: string | null, password: string) => Promise<{ right: boolean, outdated: boolean }>
}
