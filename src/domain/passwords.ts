/** Hashes and checks passwords, slowly on purpose. Both throw the refusal `busy` when too many are waiting already. */
export type Passwords = {
  /** Whether `hash` and `verify` would refuse right now: for those who can save themselves the work before it. */
  isFull: () => boolean
  /** A digest in PHC form at today's cost. */
  hash: (password: string) => Promise<string>
  /**
   * Whether the password is the digest's. Without a digest (an unknown person) it takes as long and says no; a malformed
   * digest is a no as well. `outdated`: right, but hashed more cheaply than is asked for today. Once `gone` is aborted,
   * what has not begun is not done: its place in the queue is free at once, and it throws `busy`.
   */
  verify: (digest: string | null, password: string, gone?: AbortSignal) => Promise<{ right: boolean, outdated: boolean }>
}
