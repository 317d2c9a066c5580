import { execFileSync } from 'node:child_process'
import t, { type Test } from 'tap'
import { startProgram, argumentsOf } from '../support/start-process.ts'

// `script` from util-linux gives the command a terminal. The one of macOS has other options.
const skip = !versionOf('script').includes('util-linux') && 'needs `script` of util-linux'

t.test('Ctrl-D at the password prompt prints one line and exits 2', { skip }, async t => {
  const { code, shown } = await typeAtPrompt(t, '\u0004')
  t.equal(code, 2)
  t.same(shown, ['No password was given.'])
})

t.test('the password prompt does not echo what the operator types', { skip }, async t => {
  const { code, shown } = await typeAtPrompt(t, 'Password123\r')
  t.equal(code, 1)
  t.same(shown, ['The password is on the list of common passwords, which attackers try first.'])
})

t.test('on a terminal, delete asks the operator to type the username', { skip }, async t => {
  const args = ['delete', 'ada']
  const prompt = /Type ada to delete this user: /
  for (const keys of ['yes\r', '\u0004'])
    t.same(await typeAtPrompt(t, keys, args, prompt), {
      code: 1,
      shown: ['Nothing was deleted, because that was not the username.']
    })
  const { code, shown } = await typeAtPrompt(t, 'Ada\r', args, prompt)
  t.equal(code, 1)
  t.match(shown.join(), /can't reach the database/, 'the command continues')
})

/** Runs a command on a terminal and types `keys` at its prompt. Resolves to the next lines. */
async function typeAtPrompt(
  t: Test,
  keys: string,
  args = ['add', 'ada', '+12025550143'],
  prompt = /Password for ada: /
) {
  const program = [process.execPath, '--liftoff-only', ...argumentsOf('users')]
  const command = [...program, ...args].map(word => `'${word}'`).join(' ')
  // The password is refused before the command connects to this address, where nothing listens.
  const env = { DATABASE_URL: 'postgresql://ada@127.0.0.1:1/login' }
  const run = startProgram(t, 'script', ['-q', '-e', '-c', command, '/dev/null'], {
    folder: t.testdir(),
    env
  })
  await run.prints(prompt)
  run.press(keys)
  const { code, stdout } = await run.ended
  const afterPrompt = stdout.slice(stdout.indexOf('\n') + 1)
  return { code, shown: afterPrompt.split('\r\n').filter(Boolean) }
}

/** Returns the output of `--version`; empty if the command is missing or fails. */
function versionOf(command: string): string {
  try {
    return execFileSync(command, ['--version'], { encoding: 'utf8', stdio: 'pipe' })
  } catch {
    return ''
  }
}
