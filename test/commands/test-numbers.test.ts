import { join } from 'node:path'
import t from 'tap'
import { unpackDatabase } from '../support/database.ts'
import { ada } from '../support/start-app.ts'
import { startProcess, startServer } from '../support/start-process.ts'

const phone = '+447700900123'
const env = {
  SMS_COUNTRIES: 'DE',
  TEST_NUMBERS: `${phone}=424242@2999-12-31,+12025550123=135792@2020-12-31`
}

t.test('a test number in the list is accepted by the commands and logs in', async t => {
  const folder = t.testdir()
  await unpackDatabase(join(folder, 'data/pglite'))
  const server = await startServer(t, { folder, env })
  await server.prints(/demo, password/)
  const users = (args: string[], settings: Record<string, string> = env) =>
    startProcess(
      t,
      'users',
      { folder, env: { LOG_LEVEL: 'silent', ...settings }, input: `${ada.password}\n` },
      ...args
    ).ended

  t.test('add refuses it without TEST_NUMBERS, and after its last day', async t => {
    t.match(await users(['add', 'reviewer', phone], {}), {
      code: 1,
      stderr: /^The phone must be a valid number/
    })
    t.match(await users(['add', 'reviewer', '+12025550123']), {
      code: 1,
      stderr: 'The phone is a test number, and its last day was 2020-12-31.\n'
    })
    t.match(await users(['add', 'reviewer', '+12025550124']), {
      code: 1,
      stderr: /^The phone is in a country that SMS_COUNTRIES does not list/
    })
  })

  t.test('add and set-phone accept it, outside of SMS_COUNTRIES too', async t => {
    t.match(await users(['add', 'reviewer', '+44 7700 900123']), {
      code: 0,
      stdout: 'Added reviewer with the test number +44•••••••23, which gets no messages.\n'
    })
    t.match(await users(['set-phone', 'reviewer', phone]), {
      code: 0,
      stdout: /^reviewer now has the test number \+44•+23, which gets no messages\./
    })
    t.match((await users(['show', 'reviewer'])).stdout, /\nreviewer can log in\.\n$/)
  })

  t.test('the user logs in with the fixed code, and no message is printed', async t => {
    const { challengeToken } = (await server.login('reviewer', ada.password)).body
    t.equal((await server.verify(challengeToken, '424242')).status, 200)
    t.notMatch(server.printed(), 'NOT SENT')
  })

  t.test('the server logs masked test numbers with their last days, and no code', async t => {
    const [line = ''] = /^\{.*"testNumbers".*$/m.exec(server.printed()) ?? []
    t.match(JSON.parse(line), {
      level: 'warn',
      testNumbers: ['+44•••••••23 until 2999-12-31', '+1•••••••23 ended on 2020-12-31'],
      msg: /^TEST_NUMBERS is set/
    })
    t.notMatch(server.printed(), /424242|135792|900123/)
  })

  t.test('show says when the last day of a test number has passed', async t => {
    const ended = { ...env, TEST_NUMBERS: `${phone}=424242@2020-12-31` }
    t.match((await users(['show', 'reviewer'], ended)).stdout, /cannot log in: .*last day was 2020/)
  })
})
