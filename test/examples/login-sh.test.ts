import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { codesInAllScripts } from '../support/codes-in-all-scripts.ts'
import { ada, differentCode, startApp, type StartOptions } from '../support/start-app.ts'
import { startProgram } from '../support/start-process.ts'

const script = join(import.meta.dirname, '../../examples/login.sh')

/** A script that runs a program and records its arguments, which the process list shows. */
function spy(name: string): string {
  const path = execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim()
  return `#!/bin/sh\nprintf '%s\\n' "$@" >>arguments\nexec ${path} "$@"\n`
}

async function run(t: Test, shell: string, options?: StartOptions, slashes = '') {
  const service = await startApp(t, { clock: () => new Date(), ...options })
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const folder = t.testdir({ bin: { curl: spy('curl'), sed: spy('sed') } })
  for (const name of ['curl', 'sed']) chmodSync(join(folder, 'bin', name), 0o755)
  const terminal = startProgram(t, shell, [script], {
    folder,
    env: { SMS_LOGIN_URL: `${url}${slashes}`, PATH: `${folder}/bin:${process.env['PATH']}` }
  })
  let read = 0
  const answer = async (prompt: RegExp, line: () => string) => {
    const {
      index,
      0: { length }
    } = await terminal.prints(prompt, read)
    read += index + length
    terminal.type(line())
  }
  return {
    ...service,
    ...terminal,
    answer,
    recordedArguments: () => readFileSync(join(folder, 'arguments'), 'utf8')
  }
}

for (const shell of ['sh', 'bash']) {
  t.test(
    `with ${shell}, the script runs to the end with no secret in the process list`,
    async t => {
      const { addUser, answer, twilio, ended, recordedArguments, login } = await run(t, shell, {
        policy: { resendCooldown: 0 }
      })
      const user = {
        username: 'o"hara\\',
        phone: '+12025550177',
        password: ' p\\"a$(id) `s\'s \twörd '
      }
      await addUser(user)
      const code = () => twilio.lastCode()

      await answer(/Username: /, () => user.username)
      await answer(/Password: /, () => user.password)
      await answer(/6 digits and is valid for \d+ seconds\.\nCode.*: /, () => differentCode(code()))
      await answer(/Wrong code\. 4 attempts are left\.\nCode.*: /, () => '12 "3')
      await answer(/not a code\.\nCode.*: /, () => '?')
      await answer(/Delivery: unknown .*\nCode.*: /, () => '')
      await answer(/A new code was sent\.\nCode.*: /, code)
      await answer(/To be confirmed: Send 250\.00 EUR to Grace Hopper\n.*\n.*\nCode.*: /, code)
      const password = ' n\\"e$(id) `w\'s \twörd '
      await answer(/New password.*: /, () => password)
      await answer(/The password has been changed\.\n.*\nNew number.*: /, () => '+1 202 555 0106')
      await answer(/A message was sent to \+1•+06\.\n.*\nCode.*: /, code)
      const { code: exit, stdout, stderr } = await ended
      t.match({ exit, stderr }, { exit: 0, stderr: '' })
      t.match(stdout, /"phone":"\+1•+77"/)
      t.match(stdout, /Confirmed: .* 300 seconds/)
      t.match(stdout, /The number has been changed\.\n.*\n {3}401 invalid-token\n$/)
      t.match((await login({ ...user, password })).json(), { destination: '+1•••••••06' })

      const recorded = recordedArguments()
      t.match(recorded, '/confirmations/verify', 'the arguments were recorded')
      t.notMatch(recorded, /eyJ|p\\|s's|n\\|w's|wörd/)
      for (const { body } of twilio.messages)
        t.notOk(recorded.includes(/\b\d{6}\b/.exec(body)?.[0] ?? 'no code'))
    }
  )
}

t.test('a code may be typed in the digits of any script', async t => {
  const { answer, twilio, ended } = await run(t, 'sh', {
    policy: { codeAttempts: 10, confirmationTemplates: new Map() }
  })
  const typed = (zero: string, code: string) =>
    code.replaceAll(/\d/g, digit =>
      String.fromCodePoint((zero.codePointAt(0) ?? 0) + Number(digit))
    )
  await answer(/Username: /, () => ada.username)
  await answer(/Password: /, () => ada.password)
  await answer(/Code.*: /, () => typed('٠', differentCode(twilio.lastCode())))
  // The service reports a wrong code only for ASCII digits; others would be malformed.
  for (const zero of ['۰', '०', '๐', '０', '𝟎', '𞥐'])
    await answer(/Wrong code\..*\nCode.*: /, () => typed(zero, differentCode(twilio.lastCode())))
  await answer(/Wrong code\..*\nCode.*: /, () => typed('٠', twilio.lastCode()))
  for (const question of [/New password.*: /, /New number.*: /]) await answer(question, () => '')
  t.match(await ended, { code: 0, stderr: '' })
})

t.test('the table has the digits of every script', async t => {
  const [, table = ''] = /zeros='([^']*)'/.exec(readFileSync(script, 'utf8')) ?? []
  const zeros = table
    .trim()
    .split(/\s+/)
    .map(entry => {
      const [start = '', last] = entry.split(':')
      const bytes = start.split('\\').map(octal => Number.parseInt(octal, 8))
      return Buffer.from([...bytes, Number(last)]).toString()
    })
  t.same(zeros, codesInAllScripts('0').slice(1), 'all scripts except ASCII')
})

t.test("a wrong password ends the script with the problem's sentence", async t => {
  const { answer, ended } = await run(t, 'sh')
  await answer(/Username: /, () => ada.username)
  await answer(/Password: /, () => 'not the password')
  t.match(await ended, {
    code: 1,
    stderr: /^Refused: 401 invalid-credentials: Wrong username or password\. .*\n$/
  })
})

t.test('after the last wrong code the script says to start again', async t => {
  const { answer, ended, twilio } = await run(t, 'sh', { policy: { codeAttempts: 3 } })
  await answer(/Username: /, () => ada.username)
  await answer(/Password: /, () => ada.password)
  await answer(/Code.*: /, () => differentCode(twilio.lastCode()))
  await answer(/2 attempts are left\.\nCode.*: /, () => differentCode(twilio.lastCode()))
  await answer(/1 attempt is left\.\nCode.*: /, () => differentCode(twilio.lastCode()))
  t.match(await ended, {
    code: 1,
    stderr: 'Wrong code, and no attempts are left. Start again.\n'
  })
})

t.test('without a sample action the script continues to the logout', async t => {
  const { answer, ended, twilio } = await run(t, 'sh', {
    policy: { confirmationTemplates: new Map() }
  })
  await answer(/Username: /, () => ada.username)
  await answer(/Password: /, () => ada.password)
  await answer(/Code.*: /, () => twilio.lastCode())
  for (const question of [/New password.*: /, /New number.*: /]) await answer(question, () => '')
  const { code, stdout } = await ended
  t.equal(code, 0)
  t.match(stdout, /no template for a transfer[^]*401 invalid-token\n$/)
})

for (const slashes of ['/', '//'])
  t.test(`a URL that ends in ${slashes} works like a URL without a slash`, async t => {
    const { answer, ended } = await run(t, 'sh', {}, slashes)
    await answer(/Username: /, () => ada.username)
    await answer(/Password: /, () => 'not the password')
    t.match(await ended, { code: 1, stderr: /^Refused: 401 invalid-credentials/ })
  })
