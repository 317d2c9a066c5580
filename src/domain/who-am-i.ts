import { maskPhone } from './mask-phone.ts'
import { Refusal } from './refusal.ts'
import type { Users } from './user.ts'

export type WhoAmIPorts = { users: Users }

/** The person an access token speaks of. Throws `invalid-token` when that person is gone or disabled: the token outlived them. */
export async function whoAmI ({ users }: WhoAmIPorts, userId: string) {
  const user = await users.find(userId)
  if (user === null || user.disabled) throw new Refusal('invalid-token')
  return { id: user.id, username: user.username, phone: user.phone === null ? null : maskPhone(user.phone) }
}
