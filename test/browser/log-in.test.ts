import t from 'tap'
import { openPage, shown } from '../support/open-page.ts'
import { ada, otherThan } from '../support/start.ts'
import { reject } from '../support/twilio-stand-in.ts'

t.test('the whole flow, from the password to the logout, with the keyboard alone', async t => {
  const { page, focused, isIn, twilio, pass } = await openPage(t)
  const press = async (...keys: string[]) => { for (const key of keys) await page.keyboard.press(key) }
  const tabTo = async (id: string) => {
    for (let presses = 0; await focused() !== id; presses++) {
      if (presses > 40) throw new Error(`no Tab leads to #${id}`)
      await press('Tab')
    }
  }

  await press('Tab')
  t.equal(await focused(), 'username', 'the first Tab leads to the first field')
  await page.keyboard.type(ada.username)
  await press('Tab')
  await page.keyboard.type(ada.password)
  await press('Enter')
  await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
  t.equal(await focused(), 'code')
  t.match(await shown(page), 'We have texted 6 digits to +1•••••••43.')

  await page.keyboard.type(twilio.lastCode())
  await press('Enter')
  await isIn()
  t.equal(await focused(), 'me-title')
  t.match(await page.locator('#me').innerText(), '+1•••••••43')
  t.match(await page.locator('#sessions').innerText(), /Chrome on Linux\s*this one/)

  await tabTo('refresh')
  await press('Space')
  await page.getByRole('status').getByText('Refreshed').waitFor()

  await tabTo('payee')
  await page.keyboard.type('Emmy Noether')
  await press('Enter')
  await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
  t.equal(await focused(), 'code')
  t.equal(await page.locator('blockquote').innerText(), 'Send 250.00 EUR to Emmy Noether')
  await page.keyboard.type(twilio.lastCode())
  await press('Enter')
  await page.getByRole('heading', { name: 'Confirmed' }).waitFor()
  t.equal(await focused(), 'receipt-title')
  t.match(JSON.parse(await page.locator('#receipt-claims').innerText()), { action: 'transfer', data: { amount: '250.00', currency: 'EUR', payee: 'Emmy Noether' } })

  await pass(60)
  await press('Shift+Tab')
  await tabTo('log-out')
  await press('Enter')
  await page.getByText('You are logged out.').waitFor()
  t.equal(await focused(), 'password')
  t.notMatch(await shown(page), /\+1/)
})

t.test('a wrong password is answered where it was typed, and can be corrected at once', async t => {
  const { page, focused, sendPassword, twilio } = await openPage(t)
  await sendPassword({ ...ada, password: 'not the password' })
  await page.getByRole('alert').getByText('Wrong username or password.').waitFor()
  t.equal(await focused(), 'password')
  t.equal(twilio.texts.length, 0)
  await page.keyboard.type(ada.password)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
})

t.test('after a wrong code the page says how many tries are left; the last one leads back to the password, and then to the lock and its end', async t => {
  const { page, focused, sendPassword, logIn, typeCode, isIn, twilio, pass } = await openPage(t, { limits: { codeFailures: 5 } })
  await logIn()
  for (const left of ['4 more times', '3 more times', '2 more times', 'once more']) {
    await typeCode(otherThan(twilio.lastCode()))
    await page.getByRole('alert').getByText(left).waitFor()
    t.match({ id: await focused(), wrong: await page.getByLabel('Code', { exact: true }).getAttribute('aria-invalid') }, { id: 'code', wrong: 'true' })
  }
  await typeCode(otherThan(twilio.lastCode()))
  await page.getByRole('alert').getByText('That was the last try').waitFor()
  t.equal(await focused(), 'password')

  await sendPassword()
  await page.getByRole('alert').getByText('your account is locked for a while').waitFor()
  t.match(await shown(page), /You can try again in 1[45]:\d\d\./)
  await pass(900)
  await page.getByText('You can try again now.').waitFor()
  await logIn()
  await typeCode(twilio.lastCode())
  await isIn()
})

t.test('the page counts down what the service says: a code that is too old is refused, and a new one is to be had in time', async t => {
  const { page, focused, logIn, typeCode, isIn, twilio, pass } = await openPage(t, { policy: { codeTtl: 60, resendCooldown: 30 } })
  await logIn()
  const resend = page.locator('#code-resend')
  await page.getByText(/Good for (1:00|0:5\d)/).waitFor()
  t.match(await resend.innerText(), /New code in 0:(30|2\d)/)
  t.ok(await resend.isDisabled())
  await pass(30)
  t.equal(await resend.innerText(), 'Send a new code')
  const old = twilio.lastCode()
  await pass(30)
  await page.getByRole('status').getByText('The code is too old now.').waitFor()

  await typeCode(old)
  await page.getByRole('alert').getByText('This code is too old.').waitFor()
  t.equal(await focused(), 'code-resend', 'the next step is at hand')
  await page.keyboard.press('Enter')
  await page.getByText('A new code is on its way.').waitFor()
  t.equal(await focused(), 'code')
  t.equal(await page.getByRole('alert').count(), 0, 'the refusal is taken back')
  t.not(twilio.lastCode(), old)
  await typeCode(twilio.lastCode())
  await isIn()
})

t.test('whoever goes back and logs in once more is told that the first text is still good', async t => {
  const { page, logIn, typeCode, isIn, twilio } = await openPage(t)
  await logIn()
  await page.getByRole('button', { name: 'Back' }).click()
  await logIn()
  await page.getByText('is still good').waitFor()
  t.equal(twilio.texts.length, 1)
  await typeCode(twilio.lastCode())
  await isIn()
})

t.test('when no more texts go out the page says how long', async t => {
  const { page, sendPassword, logIn, pass, refusal } = await openPage(t, { limits: { textsPerPhoneHour: 1 } })
  await logIn()
  await page.getByRole('button', { name: 'Back' }).click()
  await pass(61)
  await sendPassword()
  t.equal(await refusal(), 'Too many texts were sent. No more go out for now.')
  t.match(await shown(page), /You can try again in 5\d:\d\d\./)
})

t.test('a text that could not be sent, or not to this number, leaves the person where to go on', async t => {
  const { page, sendPassword, logIn, twilio, refusal } = await openPage(t)
  twilio.next(reject(400, 21211), reject(429, 20429))
  await sendPassword()
  t.match(await refusal(), 'Your number can\'t receive our texts.')
  await sendPassword()
  await page.getByText('could not be sent').waitFor()
  t.match(await refusal(), /^The text could not be sent\. Please try again/)
  await logIn()
})

t.test('a code can be pasted with spaces, or with all of its text', async t => {
  const { page, context, logIn, twilio } = await openPage(t)
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await logIn()
  const field = page.getByLabel('Code', { exact: true })
  const code = twilio.lastCode()
  for (const text of [` ${code.slice(0, 3)} ${code.slice(3)} `, twilio.texts.at(-1)?.body ?? '']) {
    await field.fill('')
    await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`)
    await field.press('Control+V')
    t.equal(await field.inputValue(), code, text)
  }
})

t.test('a browser that reads the text fills the code in and sends it off; asked no longer once the person has typed it', async t => {
  const { page, context, logIn, typeCode, isIn, twilio } = await openPage(t)
  t.match(await page.locator('#code').evaluate(({ autocomplete, inputMode }: any) => ({ autocomplete, inputMode })), { autocomplete: 'one-time-code', inputMode: 'numeric' })
  // Chromium has WebOTP on phones alone: this stands for the part that a phone plays.
  await context.addInitScript(`
    window.OTPCredential = class {}
    navigator.credentials.get = ({ otp, signal }) => new Promise((resolve, reject) => {
      window.asked = { otp, signal }
      window.receive = code => resolve({ code })
      signal.addEventListener('abort', () => reject(signal.reason))
    })`)
  await page.reload()
  await logIn()
  await page.waitForFunction('window.asked')
  t.same(await page.evaluate('asked.otp'), { transport: ['sms'] })
  await page.evaluate(`receive('${twilio.lastCode()}')`)
  await isIn()

  await page.reload()
  await logIn()
  await page.waitForFunction('window.asked')
  t.equal(await page.evaluate('asked.signal.aborted'), false)
  await typeCode(twilio.lastCode())
  await isIn()
  t.equal(await page.evaluate('asked.signal.aborted'), true)
})

t.test('a reload forgets the login, and nothing of it is left in the browser', async t => {
  const { page, context, enter } = await openPage(t)
  await enter()
  t.same(await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie]'), [0, 0, ''])
  await page.reload()
  await page.getByLabel('Username').waitFor()
  t.notMatch(await shown(page), /\+1/)
  t.same((await context.storageState()).origins, [])
})

t.test('without the service the page says so', async t => {
  const { page, sendPassword, complaints } = await openPage(t)
  await page.route('**/login', route => route.abort())
  await sendPassword()
  await page.getByRole('alert').getByText('can\'t be reached').waitFor()
  t.equal(complaints.splice(0).length > 0, true)
})
