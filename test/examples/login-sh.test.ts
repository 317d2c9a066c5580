import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ada, otherThan, start, type StartOptions } from '../support/start.ts'
import { watch } from '../support/service.ts'

const script = new URL('../../examples/login.sh', import.meta.url).pathname

// Passes on all, and writes down what anybody could read in the list of processes.
const spy = (name: string) => `#!/bin/sh\nprintf '%s\\n' "$@" >>arguments\nexec ${execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim()} "$@"\n`

async function run (t: Test, shell: string, options?: StartOptions) {
  const service = await start(t, { clock: () => new Date(), ...options })
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const folder = t.testdir({ bin: { curl: spy('curl'), sed: spy('sed') } })
  for (const name of ['curl', 'sed']) chmodSync(join(folder, 'bin', name), 0o755)
  const shown = watch(t, shell, [script], { folder, env: { SMS_LOGIN_URL: url, PATH: `${folder}/bin:${process.env['PATH']}` } })
  let seen = 0
  const answer = async (prompt: RegExp, line: () => string) => {
    const { index, 0: { length } } = await shown.prints(prompt, seen)
    seen += index + length
    shown.type(line())
  }
  return { ...service, ...shown, answer, argumentsSeen: () => readFileSync(join(folder, 'arguments'), 'utf8') }
}

for (const shell of ['sh', 'bash']) {
  t.test(`with ${shell}, from the password to the logout, slips included, and no secret in the list of processes`, async t => {
    const { addUser, answer, twilio, ended, argumentsSeen } = await run(t, shell, { policy: { resendCooldown: 0 } })
    const who = { username: 'o"hara\\', phone: '+12025550177', password: ' p\\"a$(id) `s\'s \twörd ' }
    await addUser(who)
    const code = () => twilio.lastCode()

    await answer(/Username: /, () => who.username)
    await answer(/Password: /, () => who.password)
    await answer(/6 digits and is good for \d+ seconds\.\nCode.*: /, () => otherThan(code()))
    await answer(/Wrong\. It can be tried 4 more times\.\nCode.*: /, () => '12 "3')
    await answer(/not a code\.\nCode.*: /, () => '')
    await answer(/Another one is on its way\.\nCode.*: /, code)
    await answer(/To be confirmed: Send 250\.00 EUR to Grace Hopper\n.*\nCode.*: /, code)
    const { code: exit, stdout, stderr } = await ended
    t.match({ exit, stderr }, { exit: 0, stderr: '' })
    t.match(stdout, /"phone":"\+1•+77"/)
    t.match(stdout, /Confirmed: .* 300 seconds/)
    t.match(stdout, /\n {3}401 invalid-token\n$/)

    const read = argumentsSeen()
    t.match(read, '/confirmations/verify', 'the arguments were seen')
    t.notMatch(read, /eyJ|p\\|s's|wörd/)
    for (const { body } of twilio.textsTo(who.phone)) t.notOk(read.includes(/\b\d{6}\b/.exec(body)?.[0] ?? 'no code'))
  })
}

t.test('a wrong password ends it, with what the problem says', async t => {
  const { answer, ended } = await run(t, 'sh')
  await answer(/Username: /, () => ada.username)
  await answer(/Password: /, () => 'not the password')
  t.match(await ended, { code: 1, stderr: 'Refused: 401 invalid-credentials: Wrong username or password. These are not the username and password of anybody who may log in; which of them is wrong is not told. Ask for both again.\n' })
})

t.test('without the sample of an action it goes on to the logout', async t => {
  const { answer, ended, twilio } = await run(t, 'sh', { policy: { confirmationTemplates: new Map() } })
  await answer(/Username: /, () => ada.username)
  await answer(/Password: /, () => ada.password)
  await answer(/Code.*: /, () => twilio.lastCode())
  const { code, stdout } = await ended
  t.equal(code, 0)
  t.match(stdout, /no sentence for a transfer[^]*401 invalid-token\n$/)
})
