/** One who logs in: with a number and an address that nobody else has, so that only what is everybody's is shared. */
export type Person = { username: string, phone: string, address: string }

/** The password of them all. */
export const password = 'correct horse battery staple'

/** People 0 to `count` - 1 in SQL, with one digest ($1) for all. */
export const insertPeople = (count: number) => `
  INSERT INTO users (id, username, username_key, password_digest, phone)
  SELECT gen_random_uuid(), 'person-' || i, 'person-' || i, $1, '+1202' || (2000000 + i) FROM generate_series(0, ${count - 1}) AS i`

/** Each of `count` people once, far from one another in the tables; throws when all have had their turn. */
export function peopleInTurn (count: number): () => Person {
  let turns = 0
  return () => {
    if (turns >= count) throw new Error(`all ${count} people have logged in: the phases are too long for them`)
    // A prime that divides none of the counts: everybody comes, nobody twice.
    return person((turns++ * 7919) % count)
  }
}

const person = (i: number): Person => ({
  username: `person-${i}`,
  phone: `+1202${2000000 + i}`,
  address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
})
