import t from 'tap'
import { openPage } from '../support/open-page.ts'
import { ada, otherThan } from '../support/start.ts'

/** Leads through all that the page can show, and stops at each. */
async function tour (opened: Awaited<ReturnType<typeof openPage>>, look: (where: string) => Promise<void>) {
  const { page, sendPassword, logIn, typeCode, isIn, twilio, refusal, pass, app, challenge, wait } = opened
  const { challengeToken, code } = await challenge()
  await app.inject({ method: 'POST', url: '/verify', payload: { challengeToken, code }, headers: { 'user-agent': `A${'very'.repeat(7)}LongName/1` } })
  wait(60)
  await look('the first step')
  await sendPassword({ ...ada, password: 'not the password' })
  await refusal()
  await look('a wrong password')
  await logIn()
  await look('the code')
  await typeCode(otherThan(twilio.lastCode()))
  await refusal()
  await look('a wrong code')
  await pass(60)
  await page.getByRole('status').getByText('too old').waitFor()
  await look('a code that is too old')
  await page.getByRole('button', { name: 'Send a new code' }).click()
  await page.getByText('on its way').waitFor()
  await look('a new code')
  await typeCode(twilio.lastCode())
  await isIn()
  await look('logged in')
  await page.getByLabel('Payee').fill(`Grace ${'Hopper'.repeat(9)}`)
  await page.getByRole('button', { name: 'Text me a code for this' }).click()
  await page.getByText('You are about to confirm', { exact: true }).waitFor()
  await look('a transfer')
  await typeCode(twilio.lastCode())
  await page.getByRole('heading', { name: 'Confirmed' }).waitFor()
  await look('its receipt')
  await page.getByRole('button', { name: /^End A/ }).click()
  await page.getByRole('status').getByText('Ended.').waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByText('You are logged out.').waitFor()
  await look('logged out')
}

for (const viewport of [{ width: 360, height: 640 }, { width: 1280, height: 800 }]) {
  t.test(`at each step, ${viewport.width} pixels wide, axe finds nothing in either colours, nothing is cut off, and everything is large enough to touch`, async t => {
    const opened = await openPage(t, {}, { viewport })
    const { page, violations, overflow } = opened
    const backgrounds = new Set<string>()
    const seen: string[] = []
    await tour(opened, async where => {
      seen.push(where)
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme })
        backgrounds.add(await page.evaluate<string>('getComputedStyle(document.body).backgroundColor'))
        t.same(await violations(), [], `${where}, ${colorScheme}`)
      }
      t.ok(await overflow() <= 0, `${where} fits`)
      t.equal(await page.locator('h1:visible').count(), 1)
      const small = await page.evaluate<string[]>(`[...document.querySelectorAll('button, input, select')]
        .filter(control => control.checkVisibility())
        .filter(control => { const { width, height } = control.getBoundingClientRect(); return width < 44 || height < 44 })
        .map(control => control.outerHTML)`)
      t.same(small, [], where)
    })
    t.equal(seen.length, 10)
    t.equal(backgrounds.size, 2)
  })
}

t.test('where the keyboard is can be seen, and the title says which step it is', async t => {
  const { page, logIn } = await openPage(t)
  t.equal(await page.title(), 'Log in – sms-login')
  for (const id of ['username', 'password']) {
    await page.keyboard.press('Tab')
    t.equal(await page.evaluate('document.activeElement.id'), id)
    t.equal(await page.evaluate('getComputedStyle(document.activeElement).outline.replace(/.*(solid)/, "$1")'), 'solid 3px')
  }
  await logIn()
  t.equal(await page.title(), 'Enter the code – sms-login')
})
