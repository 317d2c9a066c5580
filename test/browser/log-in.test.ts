import t from 'tap'
import { openPage, shown } from './open-page.ts'
import { ada, differentCode } from '../support/start-app.ts'
import { reject } from '../support/twilio-stand-in.ts'

t.test('password', async t => {
  t.test('the whole flow works with the keyboard alone', async t => {
    const { page, focused, waitForAccount, twilio, passTime } = await openPage(t)
    const press = async (...keys: string[]) => {
      for (const key of keys) await page.keyboard.press(key)
    }
    const tabTo = async (id: string) => {
      for (let presses = 0; (await focused()) !== id; presses++) {
        if (presses > 40) throw new Error(`no Tab leads to #${id}`)
        await press('Tab')
      }
    }

    t.equal(await focused(), 'username', 'the first field has the focus')
    await page.keyboard.type(ada.username)
    await press('Tab')
    await page.keyboard.type(ada.password)
    await press('Enter')
    await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
    t.equal(await focused(), 'code')
    t.match(await shown(page), 'We sent a 6-digit code to your number ending in 43.')

    await page.keyboard.type(twilio.lastCode())
    await press('Enter')
    await waitForAccount()
    t.equal(await focused(), 'me-title')
    t.match(await page.locator('#me').innerText(), 'ending in 43')
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
    t.match(
      await page.locator('#receipt-rows').innerText(),
      /Amount\s+250\.00 EUR\s+Payee\s+Emmy Noether\s+Confirmed\s+\w+ \d+, \d{4}/
    )
    t.equal(await page.locator('#receipt-claims').isVisible(), false)
    await page.getByText('All claims of the receipt').click()
    t.match(JSON.parse(await page.locator('#receipt-claims').innerText()), {
      action: 'transfer',
      data: { amount: '250.00', currency: 'EUR', payee: 'Emmy Noether' }
    })

    await passTime(60)
    await press('Shift+Tab')
    await tabTo('log-out')
    await press('Enter')
    await page.getByText('You are logged out.').waitFor()
    t.equal(await focused(), 'password')
    t.notMatch(await shown(page), /\+1/)
  })

  t.test('a wrong password is reported at its field and can be corrected at once', async t => {
    const { page, focused, sendPassword, twilio } = await openPage(t)
    await sendPassword({ ...ada, password: 'not the password' })
    await page.getByRole('alert').getByText('Wrong username or password.').waitFor()
    t.equal(await focused(), 'password')
    t.equal(twilio.messages.length, 0)
    await page.keyboard.type(ada.password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
  })

  t.test('during a request, buttons are disabled and the password is kept', async t => {
    const { page, sendPassword, focused, errors } = await openPage(t)
    let abort = () => {}
    const requested = new Promise<void>(resolve => {
      void page.route('**/login', async route => {
        resolve()
        await new Promise<void>(proceed => {
          abort = proceed
        })
        await route.abort()
      })
    })
    await sendPassword()
    await requested
    const buttons = page.locator('#log-in button')
    for (const button of await buttons.all()) t.ok(await button.isDisabled())
    t.equal(await page.getByLabel('Password', { exact: true }).inputValue(), ada.password)
    abort()
    await page.getByRole('alert').getByText("can't be reached").waitFor()
    for (const button of await buttons.all()) t.ok(await button.isEnabled())
    t.equal(await page.getByLabel('Password', { exact: true }).inputValue(), ada.password)
    t.equal(await focused(), 'password')
    t.ok(errors.splice(0).length > 0)
  })

  t.test('the password can be shown and is hidden again after the login', async t => {
    const { page, startLogin } = await openPage(t)
    const password = page.getByLabel('Password', { exact: true })
    await password.fill('secret')
    t.equal(await password.getAttribute('type'), 'password')
    await page.getByRole('button', { name: 'Show password' }).click()
    t.equal(await password.getAttribute('type'), 'text')
    await startLogin()
    await page.getByRole('button', { name: 'Back' }).click()
    t.equal(await password.getAttribute('type'), 'password')
    t.equal(await password.inputValue(), '')
    await page.getByRole('button', { name: 'Show password' }).waitFor()
  })

  t.test('an unreachable service is reported', async t => {
    const { page, sendPassword, errors } = await openPage(t)
    await page.route('**/login', route => route.abort())
    await sendPassword()
    await page.getByRole('alert').getByText("can't be reached").waitFor()
    t.equal(errors.splice(0).length > 0, true)
  })
})

t.test('code', async t => {
  t.test('wrong codes show the remaining attempts, then the lockout and its end', async t => {
    const { page, focused, sendPassword, startLogin, typeCode, waitForAccount, twilio, passTime } =
      await openPage(t, {
        limits: { codeFailures: 5 }
      })
    await startLogin()
    for (const left of ['4 more times', '3 more times', '2 more times', 'once more']) {
      await typeCode(differentCode(twilio.lastCode()))
      await page.getByRole('alert').getByText(left).waitFor()
      t.match(
        {
          id: await focused(),
          wrong: await page.getByLabel('Code', { exact: true }).getAttribute('aria-invalid')
        },
        { id: 'code', wrong: 'true' }
      )
    }
    await typeCode(differentCode(twilio.lastCode()))
    await page.getByRole('alert').getByText('It was your last attempt.').waitFor()
    t.equal(await focused(), 'password')

    await sendPassword()
    await page.getByRole('alert').getByText('no codes are accepted for a while').waitFor()
    t.match(await shown(page), /You can try again in 1[45]:\d\d\./)
    await passTime(900)
    await page.getByText('You can try again now.').waitFor()
    await startLogin()
    await typeCode(twilio.lastCode())
    await waitForAccount()
  })

  t.test('an expired code is reported once and a new one can be sent', async t => {
    const { page, focused, startLogin, typeCode, waitForAccount, twilio, passTime } =
      await openPage(t, {
        policy: { codeTtl: 60, resendCooldown: 30 }
      })
    await startLogin()
    const resend = page.locator('#code-resend')
    await page.getByText(/Expires in (1:00|0:5\d)/).waitFor()
    t.match(await resend.innerText(), /New code in 0:(30|2\d)/)
    t.ok(await resend.isDisabled())
    await passTime(30)
    t.equal(await resend.innerText(), 'Send a new code')
    const old = twilio.lastCode()
    const primary = page.locator('[data-step="Enter the code"] button.main')
    t.equal(await primary.innerText(), 'Continue')
    await passTime(30)
    await page.getByRole('alert').getByText('This code has expired.').waitFor()
    t.equal((await shown(page)).match(/expired/g)?.length, 1, 'reported once')
    t.equal(await primary.innerText(), 'Send a new code', 'the next step is the primary button')
    t.ok(await page.getByRole('button', { name: 'Continue' }).isDisabled())

    await resend.focus()
    await page.keyboard.press('Enter')
    await page.getByText('A new code is on its way.').waitFor()
    t.equal(await focused(), 'code')
    t.equal(await primary.innerText(), 'Continue')
    t.equal(await page.getByRole('alert').count(), 0, 'the alert is removed')
    t.not(twilio.lastCode(), old)
    await typeCode(twilio.lastCode())
    await waitForAccount()
  })

  t.test('a second login says that the first code still works', async t => {
    const { page, startLogin, typeCode, waitForAccount, twilio } = await openPage(t)
    await startLogin()
    await page.getByRole('button', { name: 'Back' }).click()
    await startLogin()
    await page.getByText('still works').waitFor()
    t.equal(twilio.messages.length, 1)
    await typeCode(twilio.lastCode())
    await waitForAccount()
  })

  t.test('a code can be pasted with spaces or with the whole message', async t => {
    const { page, context, startLogin, twilio } = await openPage(t)
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await startLogin()
    const field = page.getByLabel('Code', { exact: true })
    const code = twilio.lastCode()
    for (const text of [
      ` ${code.slice(0, 3)} ${code.slice(3)} `,
      twilio.messages.at(-1)?.body ?? ''
    ]) {
      await field.fill('')
      await page.evaluate(`navigator.clipboard.writeText(${JSON.stringify(text)})`)
      await field.press('Control+V')
      t.equal(await field.inputValue(), code, text)
    }
  })

  t.test('WebOTP fills in and submits the code', async t => {
    const { page, context, startLogin, typeCode, waitForAccount, twilio } = await openPage(t)
    t.match(
      await page
        .locator('#code')
        .evaluate(({ autocomplete, inputMode }: any) => ({ autocomplete, inputMode })),
      { autocomplete: 'one-time-code', inputMode: 'numeric' }
    )
    // Chromium supports WebOTP only on phones, so this script simulates it.
    await context.addInitScript(`
    window.OTPCredential = class {}
    navigator.credentials.get = ({ otp, signal }) => new Promise((resolve, reject) => {
      window.requested = { otp, signal }
      window.receive = code => resolve({ code })
      signal.addEventListener('abort', () => reject(signal.reason))
    })`)
    await page.reload()
    await startLogin()
    await page.waitForFunction('window.requested')
    t.same(await page.evaluate('requested.otp'), { transport: ['sms'] })
    await page.evaluate(`receive('${twilio.lastCode()}')`)
    await waitForAccount()

    await page.reload()
    await startLogin()
    await page.waitForFunction('window.requested')
    t.equal(await page.evaluate('requested.signal.aborted'), false)
    await typeCode(twilio.lastCode())
    await waitForAccount()
    t.equal(await page.evaluate('requested.signal.aborted'), true)
  })
})

t.test('messages', async t => {
  t.test('a message limit shows the remaining wait', async t => {
    const { page, sendPassword, startLogin, passTime, alertText } = await openPage(t, {
      limits: { messagesPerPhoneHour: 1 }
    })
    await startLogin()
    await page.getByRole('button', { name: 'Back' }).click()
    await passTime(61)
    await sendPassword()
    t.equal(
      await alertText(),
      'Too many messages have been sent. Please wait before you request another one.'
    )
    t.match(await shown(page), /You can try again in 5\d:\d\d\./)
  })

  t.test('the user can try again after a message that could not be sent', async t => {
    const { page, sendPassword, startLogin, twilio, alertText } = await openPage(t)
    twilio.failNext(reject(429, 20429))
    await sendPassword()
    await page.getByText('could not be sent').waitFor()
    t.match(await alertText(), /^The message could not be sent\. Please try again/)
    await startLogin()
  })

  t.test('a code that the carrier could not deliver can be sent again at once', async t => {
    const { page, passTime, report, startLogin, twilio, typeCode, waitForAccount } = await openPage(
      t,
      { publicUrl: 'https://login.example' }
    )
    await startLogin()
    await report('sent')
    await passTime(3)
    await report('undelivered', { errorCode: 30003 })
    await passTime(3)
    await page.getByText('Your carrier could not deliver the code. Send another.').waitFor()
    await page.getByRole('button', { name: 'Send a new code' }).click()
    await page.getByText('A new code is on its way.').waitFor()
    t.notMatch(await shown(page), /Send another/)
    await typeCode(twilio.lastCode())
    await waitForAccount()
  })

  t.test('a number that turns out to be a landline is reported', async t => {
    const { page, passTime, report, startLogin } = await openPage(t, {
      publicUrl: 'https://login.example'
    })
    await startLogin()
    await report('undelivered', { errorCode: 30006 })
    await passTime(3)
    await page.getByText("Your phone number can't receive our messages.").waitFor()
  })

  t.test('an undeliverable number is reported', async t => {
    const { sendPassword, twilio, alertText } = await openPage(t)
    twilio.failNext(reject(400, 21211))
    await sendPassword()
    t.match(await alertText(), "Your phone number can't receive our messages.")
  })
})

t.test('privacy and language', async t => {
  t.test('a reload ends the login on the page, and the browser stores nothing', async t => {
    const { page, context, logIn } = await openPage(t)
    await logIn()
    t.same(await page.evaluate('[localStorage.length, sessionStorage.length, document.cookie]'), [
      0,
      0,
      ''
    ])
    await page.reload()
    await page.getByLabel('Username').waitFor()
    t.notMatch(await shown(page), /\+1/)
    t.same((await context.storageState()).origins, [])
  })

  t.test('dates and amounts use the language of the page, not of the browser', async t => {
    const { page, logIn, typeCode, twilio } = await openPage(t, {}, { locale: 'ar-EG' })
    await logIn()
    t.match(await page.locator('#me').innerText(), /Logged in\s+[A-Z][a-z]{2} \d+, \d{4}, \d+:\d\d/)
    await page.getByLabel('Amount').fill('1234567.50')
    await page.getByRole('button', { name: 'Send me a code for this' }).click()
    await page.getByText('You are about to confirm', { exact: true }).waitFor()
    await typeCode(twilio.lastCode())
    await page.getByRole('heading', { name: 'Confirmed' }).waitFor()
    t.match(await page.locator('#receipt-rows').innerText(), '1,234,567.50 EUR')
  })
})
