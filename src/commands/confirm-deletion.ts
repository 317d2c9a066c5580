import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { read } from 'read'
import { usernameKey } from '../domain/login/username.ts'
import { fail } from './fail.ts'

/**
 * Makes an operator on a terminal type the username of the user to delete. Returns at once if
 * standard input is not a terminal. Fails if the operator types anything else.
 */
export async function confirmDeletion(username: string) {
  if (!process.stdin.isTTY) return
  // Ctrl-D ends the input without a line. Then `read` never settles, but readline pauses the input.
  const end = once(process.stdin, 'pause').then(() => setImmediate(null))
  const typed = await Promise.race([
    read({ prompt: `Type ${username} to delete this user: `, output: process.stderr }),
    end
  ])
  if (typed === null) process.stderr.write('\n')
  if (typed === null || usernameKey(typed.trim()) !== usernameKey(username))
    fail('Nothing was deleted, because that was not the username.')
}
