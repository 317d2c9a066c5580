import t from 'tap'
import { ada, codeIn, slugOf, start } from '../support/start.ts'
import { watchHashes } from '../support/watch-hashes.ts'

t.test('a right password texts a code to the number on file and answers with a challenge', async t => {
  const { login, twilio, verify } = await start(t)
  const answer = await login()
  t.equal(answer.statusCode, 200)
  t.equal(answer.headers['cache-control'], 'no-store')
  const { challengeToken, ...rest } = answer.json()
  t.same(rest, { expiresIn: 600, destination: '+1•••••••43', codeLength: 6, codeExpiresIn: 60, resendIn: 30, sent: true })
  t.match(twilio.texts, [{ to: ada.phone, validityPeriod: 60 }])
  t.equal(twilio.texts.length, 1)
  t.equal((await verify(challengeToken, twilio.lastCode() ?? '')).statusCode, 200)
})

t.test('the username is taken in any case and width, the password only as it is', async t => {
  const { login, addUser } = await start(t)
  t.equal((await login({ ...ada, username: 'ADA' })).statusCode, 200)
  t.equal((await login({ ...ada, username: 'ａｄａ' })).statusCode, 200)
  for (const password of [ada.password.toUpperCase(), `${ada.password} `, ` ${ada.password}`, ada.password.slice(0, -1)]) {
    t.equal(slugOf(await login({ ...ada, password })), 'invalid-credentials', JSON.stringify(password))
  }
  const strange = { username: 'grace', phone: '+12025550144', password: `  nul\0 ${'🔑'.repeat(70)} end ` }
  await addUser(strange)
  t.equal((await login(strange)).statusCode, 200, 'spaces, a NUL and emoji are part of it')
  t.equal(slugOf(await login({ ...strange, password: strange.password.replace(/ $/, '') })), 'invalid-credentials')
})

t.test('every one of 256 characters of a password counts, and one more costs no hash', async t => {
  const { login, addUser } = await start(t)
  const letters = Array.from({ length: 256 }, (_, n) => n % 3 === 0 ? '🔑' : String.fromCharCode(97 + n % 26))
  const grace = { username: 'grace', phone: '+12025550144', password: letters.join('') }
  await addUser(grace)
  t.equal((await login(grace)).statusCode, 200)
  for (const place of [0, 64, 71, 72, 128, 255]) {
    const password = letters.with(place, '!').join('')
    t.equal(slugOf(await login({ ...grace, password })), 'invalid-credentials', `character ${place + 1}`)
  }

  const hashes = watchHashes(t)
  t.equal(slugOf(await login({ ...grace, password: `${grace.password}x` })), 'invalid-request')
  t.equal(slugOf(await login({ ...grace, password: 'x'.repeat(1024 * 1024) })), 'payload-too-large')
  t.equal(hashes.done(), 0)
})

t.test('nobody is texted for a wrong password', async t => {
  const { login, twilio } = await start(t)
  for (const who of [{ ...ada, password: 'wrong horse battery' }, { ...ada, username: 'nobody' }]) await login(who)
  t.equal(twilio.requests.length, 0)
})

t.test('a second login while the code is fresh continues the same challenge and sends no second text', async t => {
  const { login, twilio, verify, wait } = await start(t)
  await login()
  const code = codeIn(twilio.texts.at(-1)?.body)
  wait(10)
  const second = await login()
  t.match(second.json(), { sent: false, codeExpiresIn: 50, resendIn: 20, expiresIn: 590 })
  t.equal(twilio.texts.length, 1)
  t.equal((await verify(second.json().challengeToken, code)).statusCode, 200)
})

t.test('a login after the cooldown sends a new text and ends the challenge before it', async t => {
  const { challenge, verify, wait } = await start(t)
  const first = await challenge()
  wait(31)
  const second = await challenge()
  t.not(second.code, first.code)
  t.equal(slugOf(await verify(first.challengeToken, first.code)), 'challenge-ended')
  t.equal(slugOf(await verify(second.challengeToken, first.code)), 'wrong-code')
  t.equal((await verify(second.challengeToken, second.code)).statusCode, 200)
})

t.test('a login inside the cooldown sends a new text at once when the code is used up', async t => {
  const { challenge, login, verify } = await start(t)
  const { challengeToken, code } = await challenge()
  await verify(challengeToken, code)
  t.equal((await login()).json().sent, true)
})

t.test('a login inside the cooldown sends a new text when the code has expired', async t => {
  const { login, wait } = await start(t, { policy: { codeTtl: 10, resendCooldown: 30 } })
  await login()
  wait(11)
  t.equal((await login()).json().sent, true)
})

t.test('many logins at once send one text', async t => {
  const { login, twilio, verify } = await start(t)
  const answers = await Promise.all(Array.from({ length: 50 }, () => login()))
  t.ok(answers.every(({ statusCode }) => statusCode === 200))
  t.equal(answers.filter(answer => answer.json().sent).length, 1)
  t.equal(twilio.texts.length, 1)
  const last = answers[49]?.json().challengeToken
  t.equal((await verify(last, codeIn(twilio.texts[0]?.body))).statusCode, 200, 'and any of the challenges takes its code')
})

t.test('no code equals the one before it', async t => {
  const { login, twilio } = await start(t, { policy: { resendCooldown: 0 } })
  for (let i = 0; i < 50; i++) await login()
  const codes = twilio.texts.map(({ body }) => codeIn(body))
  t.equal(codes.length, 50)
  t.notOk(codes.some((code, i) => code === codes[i - 1]))
})
