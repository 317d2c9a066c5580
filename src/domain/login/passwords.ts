/**
 * The form in which passwords are hashed: all spaces become U+0020, and letters are composed.
 * Without it, the same password typed on two systems could differ (RFC 8265 §4.2.2, OpaqueString;
 * NIST SP 800-63B-4 §3.1.1.2).
 */
export const passwordForm = (password: string) =>
  password.replaceAll(/\p{Zs}/gu, ' ').normalize('NFC')

/**
 * Hashes and verifies passwords, which is deliberately slow. All methods throw `busy` when the
 * queue is full.
 */
export type Passwords = {
  /**
   * Reserves a slot in the queue for a later `verify`, so that a request can be rejected before any
   * other work. Call the result right before `verify`, or when there will be none; later calls do
   * nothing.
   */
  reserveSlot: () => () => void
  /**
   * A digest of the password's `passwordForm` in PHC form, at the current cost, or at that of the
   * digest it `replaces` if that is higher.
   */
  hash: (password: string, replaces?: string) => Promise<string>
  /**
   * Whether the password matches the digest of a user. A digest of the password as typed also
   * matches, because other systems and earlier versions store those. `outdated` means that the
   * digest matches, but `hash` would return a better one: it is of another form or algorithm, or
   * cheaper than the current cost.
   *
   * Without a readable digest, the password is compared with a decoy and is wrong. From its turn in
   * the queue on, a wrong password takes as long as one for the slowest stored kind of digest. When
   * `signal` aborts before its turn, the call leaves the queue and throws `busy`.
   */
  verify: (
    stored: StoredPassword,
    password: string,
    signal?: AbortSignal
  ) => Promise<PasswordVerdict>
}

/** `digest` is null if there is no such user, or if no password would let the user in. */
type StoredPassword = { usernameKey: string; digest: string | null }

type PasswordVerdict = {
  right: boolean
  outdated: boolean
  /** Whether there is a digest that can't be compared, because it is malformed or too costly. */
  unreadable: boolean
}
