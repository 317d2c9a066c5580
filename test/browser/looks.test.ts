import t from 'tap'
import { openPage } from './open-page.ts'
import { ada, differentCode } from '../support/start-app.ts'

/** Goes through all states of the page and calls `look` in each. */
async function tour(
  opened: Awaited<ReturnType<typeof openPage>>,
  look: (state: string) => Promise<void>
) {
  const {
    page,
    sendPassword,
    startLogin,
    typeCode,
    waitForAccount,
    twilio,
    alertText,
    passTime,
    app,
    loginAndReadCode,
    wait
  } = opened
  const { challengeToken, code } = await loginAndReadCode()
  await app.inject({
    method: 'POST',
    url: '/verify',
    payload: { challengeToken, code },
    headers: { 'user-agent': `A${'very'.repeat(7)}LongName/1` }
  })
  wait(60)
  await look('the first step')
  await sendPassword({ ...ada, password: 'not the password' })
  await alertText()
  await look('a wrong password')
  await startLogin()
  await look('the code')
  await typeCode(differentCode(twilio.lastCode()))
  await alertText()
  await look('a wrong code')
  await passTime(60)
  await page.getByRole('alert').getByText('expired').waitFor()
  await look('an expired code')
  await page.getByRole('button', { name: 'Send a new code' }).click()
  await page.getByText('on its way').waitFor()
  await look('a new code')
  await typeCode(twilio.lastCode())
  await waitForAccount()
  await look('logged in')
  await page.getByLabel('Current password').fill('not the password')
  await page.getByLabel('New password').fill('another horse battery')
  await page.getByRole('button', { name: 'Change password' }).click()
  await alertText()
  await look('a wrong current password')
  await page.getByLabel('New number').fill('+1 202 555 0106')
  await page.getByRole('button', { name: 'Send a code to this number' }).click()
  await page.getByText('Your new number', { exact: true }).waitFor()
  await look('a new number')
  await page.getByRole('button', { name: 'Back' }).click()
  await page.getByLabel('Payee').fill(`Grace ${'Hopper'.repeat(9)}`)
  await page.getByRole('button', { name: 'Send me a code for this' }).click()
  await page.getByText('You are about to confirm', { exact: true }).waitFor()
  await look('a transfer')
  await typeCode(twilio.lastCode())
  await page.getByRole('heading', { name: 'Confirmed' }).waitFor()
  await look('its receipt')
  await page.getByRole('button', { name: /^End A/ }).click()
  await page.getByRole('status').getByText('Session ended.').waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByText('You are logged out.').waitFor()
  await look('logged out')
}

for (const viewport of [
  { width: 360, height: 640 },
  { width: 1280, height: 800 }
]) {
  t.test(`at ${viewport.width} pixels every step is accessible and fits the screen`, async t => {
    const opened = await openPage(t, {}, { viewport })
    const { page, violations, overflow } = opened
    const backgrounds = new Set<string>()
    const states: string[] = []
    await tour(opened, async state => {
      states.push(state)
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme })
        backgrounds.add(
          await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
        )
        t.same(await violations(), [], `${state}, ${colorScheme}`)
      }
      t.ok((await overflow()) <= 0, `${state} fits`)
      t.equal(await page.locator('h1:visible').count(), 1)
      const small = await page.evaluate<
        string[]
      >(`[...document.querySelectorAll('button, input, select')]
        .filter(control => control.checkVisibility())
        .map(control => ({ control, box: control.getBoundingClientRect() }))
        .filter(({ box }) => box.width < 44 || box.height < 44)
        .map(({ control }) => control)
        .map(control => control.outerHTML)`)
      t.same(small, [], state)
    })
    t.equal(states.length, 12)
    t.equal(backgrounds.size, 2)
  })
}

t.test('with 200 % text on 360 pixels, nothing is cut off and values stay readable', async t => {
  const opened = await openPage(t, {}, { viewport: { width: 360, height: 640 } })
  const { page, overflow } = opened
  await tour(opened, async state => {
    await page.evaluate(`document.documentElement.style.fontSize = '200%'`)
    t.ok((await overflow()) <= 0, `${state} fits`)
    // WCAG 1.4.4: wrapped text must have at least five characters per line on average.
    const broken = await page.evaluate<string[]>(`
      [...document.querySelectorAll(
        'dt, dd, li p, h2, button, label, summary, blockquote, #code-sent, [role=alert]'
      )]
        .filter(part => part.checkVisibility() && part.textContent.length > 0)
        .filter(part => {
          const { fontSize, lineHeight, paddingTop, paddingBottom } = getComputedStyle(part)
          const height = part.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom)
          const lines = Math.round(height / (parseFloat(lineHeight) || 1.5 * parseFloat(fontSize)))
          return lines > 1 && part.textContent.length / lines < 5
        })
        .map(part => part.outerHTML)`)
    t.same(broken, [], state)
    const cut = await page.evaluate<string[]>(`
      [...document.querySelectorAll('button, select, dd, li p')]
        .filter(part => part.checkVisibility() && part.scrollWidth > part.clientWidth + 1)
        .map(part => part.outerHTML)`)
    t.same(cut, [], state)
  })
})

t.test('the focused field has an outline and the title names the step', async t => {
  const { page, startLogin } = await openPage(t)
  t.equal(await page.title(), 'Log in – sms-login')
  for (const id of ['username', 'password']) {
    if (id === 'password') await page.keyboard.press('Tab')
    t.equal(await page.evaluate('document.activeElement.id'), id)
    t.equal(
      await page.evaluate(
        'getComputedStyle(document.activeElement).outline.replace(/.*(solid)/, "$1")'
      ),
      'solid 3px'
    )
  }
  await startLogin()
  t.equal(await page.title(), 'Enter the code – sms-login')
})
