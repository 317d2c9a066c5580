import { randomBytes } from 'node:crypto'
import type { Passwords } from '../domain/login/passwords.ts'
import type { UserDirectory } from '../domain/users/user-directory.ts'

/**
 * Adds a user named `demo` to an empty database and returns the password, which is not stored.
 * Returns undefined if there are users.
 */
export async function addDemoUser(
  users: UserDirectory,
  passwords: Passwords
): Promise<string | undefined> {
  if (!(await users.isEmpty())) return undefined
  const password = randomBytes(9).toString('base64url')
  // A number reserved for fiction.
  const added = await users.add({
    username: 'demo',
    phone: '+12025550106',
    passwordDigest: await passwords.hash(password)
  })
  return added === null ? undefined : password
}

/** The message that a server prints when it starts without Twilio outside production. */
export const greeting = (url: string, password: string | undefined) => `
  sms-login listens on ${url}. Twilio is not configured, so codes are printed here.
${password === undefined ? returning(url) : firstSteps(url, password)}
`

const returning = (url: string) => `
  Open ${url} in a browser to log in.
  List all users: npm run users -- list
  Replace a forgotten password: npm run users -- set-password <username>`

const firstSteps = (url: string, password: string) => `
  Log in as demo, password ${password} (shown this once).
  Open ${url} in a browser, or paste these three lines into another terminal, one after another:

  1. Log in. The message with the code is then printed here.
LOGIN=$(${curl(url, '/login', `'{"username":"demo","password":"${password}"}'`)}); echo "$LOGIN"

  2. Enter the code to get the tokens. After a wrong code paste this line again, after an expired
     code start at 1.
printf 'Code: '; read -r CODE; TOKENS=$(${curl(url, '/verify', verifyBody)}); echo "$TOKENS"

  3. Use the access token.
curl -sS ${url}/me -H "authorization: Bearer ${field('TOKENS', 'accessToken')}"; echo`

/** Shell for a body with the challenge token of `$LOGIN` and the code in `$CODE`. */
const verifyBody =
  `'{"challengeToken":"'"${field('LOGIN', 'challengeToken')}"'",` + `"code":"'"$CODE"'"}'`

const curl = (url: string, path: string, body: string) =>
  `curl -sS ${url}${path} -H 'content-type: application/json' -d ${body}`

/** Shell that prints a string field of the JSON object in a variable. */
function field(variable: string, name: string) {
  return `$(printf %s "$${variable}" | sed 's/.*"${name}":"\\([^"]*\\)".*/\\1/')`
}
