import { randomBytes } from 'node:crypto'
import type { Passwords } from './domain/passwords.ts'
import type { UserDirectory } from './domain/user-directory.ts'

/** Makes a person named `demo` where there is nobody yet, and returns the password, which is not kept. */
export async function addDemoUser (users: UserDirectory, passwords: Passwords): Promise<string | undefined> {
  if (!await users.isEmpty()) return undefined
  const password = randomBytes(9).toString('base64url')
  // A number reserved for fiction: nobody has it.
  const added = await users.add({ username: 'demo', phone: '+12025550106', passwordDigest: await passwords.hash(password) })
  return added ? password : undefined
}

/** What a stranger needs to read at the start, outside production. */
export const greeting = (url: string, password: string | undefined) => `
  sms-login listens on ${url}. No Twilio is configured, so the codes are printed here.
${password === undefined ? returning : firstSteps(url, password)}
`

const returning = `
  Users: npm run users -- list. A new password for the demo user: npm run users -- set-password demo`

const firstSteps = (url: string, password: string) => `
  There is a user to try it with: demo, password ${password} (shown this once). Paste into another terminal, one after another:

  1. Log in; the code then appears here.
LOGIN=$(curl -s ${url}/login -H 'content-type: application/json' -d '{"username":"demo","password":"${password}"}'); echo "$LOGIN"

  2. Type the code, get the token.
printf 'Code: '; read -r CODE; TOKENS=$(curl -s ${url}/verify -H 'content-type: application/json' -d '{"challengeToken":"'"${field('LOGIN', 'challengeToken')}"'","code":"'"$CODE"'"}'); echo "$TOKENS"

  3. Use the token.
curl -s ${url}/me -H "authorization: Bearer ${field('TOKENS', 'accessToken')}"`

/** Shell for one string field of a JSON object in a variable. */
const field = (variable: string, name: string) => `$(printf %s "$${variable}" | sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/')`
