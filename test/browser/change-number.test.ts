import t, { type Test } from 'tap'
import { openPage, shown } from './open-page.ts'
import { ada, differentCode, type StartOptions } from '../support/start-app.ts'
import { reject } from '../support/twilio-stand-in.ts'

const typed = '+1 202 555 0106'
const newNumber = '+12025550106'

/** Opens the form that changes the number, for a user who is also logged in elsewhere. */
async function openForm(t: Test, options?: StartOptions) {
  const opened = await openPage(t, options)
  const { page, accessToken, logIn, typeCode } = opened
  const elsewhere = await accessToken()
  await logIn()
  const number = page.getByLabel('New number')
  const submit = () => page.getByRole('button', { name: 'Send a code to this number' }).click()
  const request = async (text = typed) => {
    await number.fill(text)
    await submit()
  }
  return {
    ...opened,
    elsewhere,
    number,
    submit,
    request,
    /** Requests a change and waits for the code's field. */
    async askForCode() {
      await request()
      await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
    },
    resend: () => page.getByRole('button', { name: 'Send a new code' }).click(),
    /** Waits for an alert that contains `text`, and returns all its text. */
    async alertWith(text: string) {
      const alert = page.getByRole('alert').filter({ hasText: text })
      return alert.innerText()
    },
    /** Types the code, and waits until the page says that the number has been changed. */
    async complete(code: string) {
      await typeCode(code)
      await page.getByRole('status').getByText('Your number has been changed.').waitFor()
    }
  }
}

t.test('success', async t => {
  t.test('a code to the new number changes it and the old number gets a notice', async t => {
    const { page, askForCode, complete, elsewhere, focused, me, number, settled, twilio } =
      await openForm(t)
    await askForCode()
    t.equal(await focused(), 'code')
    t.match(await shown(page), 'We sent a 6-digit code to your number ending in 06.')
    t.equal(twilio.messages.at(-1)?.to, newNumber)
    await complete(twilio.lastCode())
    t.equal(await focused(), 'me-title')
    t.match(await page.locator('#me').innerText(), 'ending in 06')
    t.equal(await page.locator('#sessions li').count(), 1)
    t.equal(await number.inputValue(), '')
    t.equal((await me(elsewhere)).statusCode, 401)
    await settled()
    t.match(twilio.messagesTo(ada.phone).at(-1)?.body, /was changed to one ending in 06/)
  })

  t.test('an expired code can be replaced with a new one', async t => {
    const { page, askForCode, complete, resend, twilio, passTime } = await openForm(t)
    await askForCode()
    const old = twilio.lastCode()
    await passTime(60)
    await page.getByRole('alert').getByText('This code has expired.').waitFor()
    await resend()
    await page.getByText('A new code is on its way.').waitFor()
    t.equal(twilio.messages.at(-1)?.to, newNumber)
    t.not(twilio.lastCode(), old)
    await complete(twilio.lastCode())
  })

  t.test('the user can go back and correct the number', async t => {
    const { page, askForCode, request, complete, focused, number, twilio } = await openForm(t)
    await askForCode()
    await page.getByRole('button', { name: 'Back' }).click()
    t.equal(await focused(), 'change-number-title')
    t.equal(await number.inputValue(), typed)
    await request('+1 202 555 0177')
    await page.getByText('ending in 77').waitFor()
    await complete(twilio.lastCode())
    t.match(await page.locator('#me').innerText(), 'ending in 77')
  })

  t.test('a second request for the same number says that the first code still works', async t => {
    const { page, askForCode, complete, twilio } = await openForm(t)
    await askForCode()
    await page.getByRole('button', { name: 'Back' }).click()
    await askForCode()
    await page.getByText('still works').waitFor()
    t.equal(twilio.messagesTo(newNumber).length, 1)
    await complete(twilio.lastCode())
  })
})

t.test('the number', async t => {
  t.test('an invalid number is explained at its field', async t => {
    const { page, request, alertWith, focused, number, twilio } = await openForm(t)
    for (const [text, reason] of [
      ['ring me', 'must be a valid number'],
      [ada.phone, 'must differ from the number on file']
    ] as const) {
      await request(text)
      t.match(await alertWith(reason), /^Please check: phone must /)
      t.equal(await focused(), 'new-number')
      t.equal(await number.getAttribute('aria-invalid'), 'true')
    }
    t.equal(twilio.messagesTo(ada.phone).length, 2, 'only those of the logins')
    await request()
    await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
  })

  t.test('a number that cannot receive messages can be replaced', async t => {
    const { page, askForCode, request, resend, alertText, focused, twilio, passTime } =
      await openForm(t)
    const reason = "This number can't receive our messages. Please enter another one."
    twilio.failNext(reject(400, 21211))
    await request('+1 202 555 0199')
    t.equal(await alertText(), reason)
    t.equal(await focused(), 'new-number')
    await askForCode()
    await passTime(30)
    twilio.failNext(reject(400, 21211))
    await resend()
    t.equal(await alertText(), reason)
    await page.getByRole('button', { name: 'Back' }).click()
    t.equal(await focused(), 'change-number-title')
    t.equal(await page.getByRole('alert').count(), 0)
  })

  t.test('without a recent login the user logs in again and the number is kept', async t => {
    const opened = await openForm(t, { policy: { reauthMaxAge: 300 } })
    const { page, request, submit, complete, alertText, focused, number, passTime, prisma } = opened
    const { typeCode, waitForAccount, twilio } = opened
    await page.getByLabel('Current password').fill(ada.password)
    await passTime(300)
    await request()
    t.equal(await alertText(), 'This requires a recent login. Please log in again.')
    t.equal(await focused(), 'password')
    t.equal(await page.getByLabel('Current password').inputValue(), '')
    await page.keyboard.type(ada.password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
    await typeCode(twilio.lastCode())
    await waitForAccount()
    t.equal(await prisma.session.count(), 2, 'the new session and the other one')
    t.equal(await number.inputValue(), typed)
    await submit()
    await page.getByText('ending in 06').waitFor()
    await complete(twilio.lastCode())
  })

  t.test('a message limit shows the remaining wait', async t => {
    // Changes may use a third of a number's messages.
    const { page, askForCode, request, alertWith, passTime } = await openForm(t, {
      limits: { messagesPerPhoneHour: 4 }
    })
    await askForCode()
    await page.getByRole('button', { name: 'Back' }).click()
    await passTime(61)
    await request()
    await alertWith('Too many messages have been sent.')
    t.match(await shown(page), /You can try again in 5\d:\d\d\./)
  })

  t.test('an unreachable service is reported and the number is kept', async t => {
    const { page, request, submit, alertText, number, errors } = await openForm(t)
    await page.route('**/me/phone', route => route.abort())
    await request()
    t.equal(await alertText(), "The service can't be reached. Please check your connection.")
    t.ok(errors.splice(0).length > 0)
    t.equal(await number.inputValue(), typed)
    await page.unroute('**/me/phone')
    await submit()
    await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
  })
})

t.test('the code', async t => {
  t.test('wrong codes are counted and after the last one the change starts again', async t => {
    const { page, askForCode, typeCode, alertWith, focused, twilio } = await openForm(t, {
      limits: { codeFailures: 5 }
    })
    await askForCode()
    for (const left of ['4 more times', '3 more times', '2 more times', 'once more']) {
      await typeCode(differentCode(twilio.lastCode()))
      await alertWith(left)
      t.equal(await focused(), 'code')
    }
    await typeCode(differentCode(twilio.lastCode()))
    await alertWith('It was your last attempt. No codes are accepted for a while.')
    t.equal(await focused(), 'change-number-title')
    await page.getByRole('button', { name: 'Send a code to this number' }).click()
    await alertWith('no codes are accepted for a while')
    t.match(await shown(page), /You can try again in 1[45]:\d\d\./)
  })

  t.test('a new code that is requested too soon shows the remaining wait', async t => {
    const { page, askForCode, complete, resend, alertWith, twilio } = await openForm(t)
    await askForCode()
    // The page's clock is now ahead of the service's clock.
    await page.clock.fastForward(30_000)
    await resend()
    await alertWith('A message was sent a moment ago.')
    t.match(await shown(page), /You can try again in 0:(30|2\d)\./)
    await complete(twilio.lastCode())
  })

  t.test('a change that was replaced by another one has to start again', async t => {
    const { askForCode, typeCode, alertWith, changePhone, elsewhere, focused, twilio } =
      await openForm(t)
    await askForCode()
    const code = twilio.lastCode()
    t.equal((await changePhone(elsewhere, '+12025550177')).statusCode, 200)
    await typeCode(code)
    t.equal(
      await alertWith('started again elsewhere'),
      'This has expired or was started again elsewhere. Please start again.'
    )
    t.equal(await focused(), 'change-number-title')
  })

  t.test('after a lost response the page shows whether the number was changed', async t => {
    const { page, askForCode, typeCode, alertWith, twilio, errors } = await openForm(t)
    await askForCode()
    await page.route('**/me/phone/verify', async route => {
      await route.fetch()
      await route.abort()
    })
    const code = twilio.lastCode()
    await typeCode(code)
    await alertWith("can't be reached")
    t.ok(errors.splice(0).length > 0)
    await page.unroute('**/me/phone/verify')
    await typeCode(code)
    await alertWith('Please start again.')
    await page.locator('#me').getByText('ending in 06').waitFor()
  })
})

t.test('after a logout the forms are empty for the next user', async t => {
  const { page, logIn, number, passTime } = await openForm(t)
  await number.fill(typed)
  await page.getByLabel('New password').fill('another horse battery')
  await page.getByLabel('Payee').fill('Emmy Noether')
  await passTime(60)
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByText('You are logged out.').waitFor()
  await logIn()
  t.equal(await number.inputValue(), '')
  t.equal(await page.getByLabel('New password').inputValue(), '')
  t.equal(await page.getByLabel('Payee').inputValue(), 'Grace Hopper')
})
