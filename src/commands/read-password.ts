import { isUtf8 } from 'node:buffer'
import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { read } from 'read'
import { misuse, fail } from './fail.ts'

// The maximum size of a request body.
const maxBytes = 16 * 1024

/**
 * Prompts for a new password on a terminal, or reads it from standard input without its line end.
 * Fails if the password contains a character that a user can't type in a login form.
 */
export async function readPassword(username: string): Promise<string> {
  const password = process.stdin.isTTY
    ? await ask(`Password for ${username}: `)
    : passwordIn(await bytesOf(process.stdin))
  if (/[\n\r\u0085\u2028\u2029]/.test(password)) fail('The password must be one line.')
  if (/\p{Cc}/u.test(password)) fail('The password must not contain control characters.')
  return password
}

/**
 * The password in a file or pipe. Decoding alone would replace every invalid byte by the same
 * character.
 */
function passwordIn(bytes: Buffer): string {
  if (!isUtf8(bytes)) fail('The password must be UTF-8.')
  const text = bytes.toString()
  if (text.startsWith('\ufeff')) fail('The password must be UTF-8 without a byte order mark.')
  return text.replace(/\r?\n$/, '')
}

async function bytesOf(input: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of input) {
    chunks.push(chunk)
    length += chunk.length
    if (length > maxBytes) fail('The password must have at most 256 characters.')
  }
  return Buffer.concat(chunks)
}

async function ask(prompt: string): Promise<string> {
  // Ctrl-D ends the input without a line. Then `read` never settles, but readline pauses the input.
  const end = once(process.stdin, 'pause')
    .then(() => setImmediate())
    .then(() => misuse('No password was given.'))
  end.catch(() => {})
  try {
    const password = await Promise.race([
      read({ prompt, silent: true, replace: '', output: process.stderr }),
      end
    ])
    // readline decodes the input and replaces each wrong byte by this character.
    if (password.includes('\ufffd')) fail('The password must be UTF-8, as the terminal sends it.')
    return password
  } finally {
    // The terminal doesn't show the line end either.
    process.stderr.write('\n')
  }
}
