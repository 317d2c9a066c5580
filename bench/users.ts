/** A user with their own number and address, so that users share only the global rate limits. */
export type BenchUser = { username: string; phone: string; address: string }

/** The password of all users. */
export const password = 'correct horse battery staple'

/** SQL that inserts users 0 to `count` - 1 with one digest ($1) for all. */
export const insertUsers = (count: number) => `
  INSERT INTO users (id, username, username_key, password_digest, phone)
  SELECT gen_random_uuid(), 'user-' || i, 'user-' || i, $1, '+1202' || (2000000 + i)
  FROM generate_series(0, ${count - 1}) AS i`

/** Returns each of `count` users once, spread over the table. Throws after the last one. */
export function usersInTurn(count: number): () => BenchUser {
  let turns = 0
  return () => {
    if (turns >= count)
      throw new Error(`all ${count} users have logged in: the phases are too long`)
    // A prime that divides none of the counts, so each user is returned once.
    return user((turns++ * 7919) % count)
  }
}

const user = (i: number): BenchUser => ({
  username: `user-${i}`,
  phone: `+1202${2000000 + i}`,
  address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
})
