import t from 'tap'
import { openPage } from './open-page.ts'
import { ada, differentCode } from '../support/start-app.ts'

/** Leads through all that the page can show, and stops at each. */
async function tour(
  opened: Awaited<ReturnType<typeof openPage>>,
  look: (where: string) => Promise<void>
) {
  const {
    page,
    sendPassword,
    logIn,
    typeCode,
    isIn,
    twilio,
    refusal,
    pass,
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
  await refusal()
  await look('a wrong password')
  await logIn()
  await look('the code')
  await typeCode(differentCode(twilio.lastCode()))
  await refusal()
  await look('a wrong code')
  await pass(60)
  await page.getByRole('alert').getByText('expired').waitFor()
  await look('an expired code')
  await page.getByRole('button', { name: 'Send a new code' }).click()
  await page.getByText('on its way').waitFor()
  await look('a new code')
  await typeCode(twilio.lastCode())
  await isIn()
  await look('logged in')
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
    const seen: string[] = []
    await tour(opened, async where => {
      seen.push(where)
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme })
        backgrounds.add(
          await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
        )
        t.same(await violations(), [], `${where}, ${colorScheme}`)
      }
      t.ok((await overflow()) <= 0, `${where} fits`)
      t.equal(await page.locator('h1:visible').count(), 1)
      const small = await page.evaluate<
        string[]
      >(`[...document.querySelectorAll('button, input, select')]
        .filter(control => control.checkVisibility())
        .map(control => ({ control, box: control.getBoundingClientRect() }))
        .filter(({ box }) => box.width < 44 || box.height < 44)
        .map(({ control }) => control)
        .map(control => control.outerHTML)`)
      t.same(small, [], where)
    })
    t.equal(seen.length, 10)
    t.equal(backgrounds.size, 2)
  })
}

t.test('with 200 % text on 360 pixels nothing is cut off and values stay readable', async t => {
  const opened = await openPage(t, {}, { viewport: { width: 360, height: 640 } })
  const { page, overflow } = opened
  await tour(opened, async where => {
    await page.evaluate(`document.documentElement.style.fontSize = '200%'`)
    t.ok((await overflow()) <= 0, `${where} fits`)
    // WCAG 1.4.4: at least five characters a line, where a text is that long.
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
    t.same(broken, [], where)
    const cut = await page.evaluate<string[]>(`
      [...document.querySelectorAll('button, select, dd, li p')]
        .filter(part => part.checkVisibility() && part.scrollWidth > part.clientWidth + 1)
        .map(part => part.outerHTML)`)
    t.same(cut, [], where)
  })
})

t.test('the focused field has an outline and the title names the step', async t => {
  const { page, logIn } = await openPage(t)
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
  await logIn()
  t.equal(await page.title(), 'Enter the code – sms-login')
})
