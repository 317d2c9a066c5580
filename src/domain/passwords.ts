/** Hashes and checks passwords, slowly on purpose. All throw the refusal `busy` when too many are waiting already. */
export type Passwords = {
  /**
   * Keeps a place for a `verify` to come, for those who have work to do before it and would rather not do it for nothing.
   * Throws `busy` when there is none. To be called back right before `verify`, or when it will not come; once is enough.
   */
  expect: () => () => void
  /** A digest in PHC form at today's cost. */
  hash: (password: string) => Promise<string>
  /**
   * Whether the password is the digest's. Without a digest (an unknown person) it takes as long and says no; a malformed
   * digest is a no as well. `outdated`: right, but hashed more cheaply than is asked for today. Once `gone` is aborted,
   * what has not begun is not done: its place in the queue is free at once, and it throws `busy`.
   */
  verify: (digest: string | null, password: string, gone?: AbortSignal) => Promise<{ right: boolean, outdated: boolean }>
}
