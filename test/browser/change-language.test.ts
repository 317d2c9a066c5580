import t from 'tap'
import { openPage } from './open-page.ts'

t.test('the language of messages', async t => {
  t.test('the chosen language is used for messages and chosen again at the next login', async t => {
    const { page, logIn, passTime, twilio, prisma } = await openPage(t)
    await logIn()
    const language = page.getByLabel('Language', { exact: true })
    t.equal(await language.inputValue(), '')
    await language.selectOption('German')
    await page.getByRole('button', { name: 'Save language' }).click()
    await page.getByRole('status').getByText('has been changed').waitFor()
    t.match(await prisma.user.findMany(), [{ locale: 'de' }])

    await passTime(60)
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByText('You are logged out.').waitFor()
    await logIn()
    t.match(twilio.messages.at(-1)?.body, /Anmeldecode/)
    t.equal(await language.inputValue(), 'de')

    await language.selectOption('The language of the browser')
    await page.getByRole('button', { name: 'Save language' }).click()
    await page.getByRole('status').getByText('has been changed').waitFor()
    t.match(await prisma.user.findMany(), [{ locale: null }])
  })

  t.test('a language that the page does not offer is shown by its tag', async t => {
    const { page, logIn, users } = await openPage(t)
    await users.change({ username: 'ada' }, { locale: 'gsw-u-sd-chzh' }, new Date())
    await logIn()
    const language = page.getByLabel('Language', { exact: true })
    t.equal(await language.locator('option:checked').innerText(), 'gsw-u-sd-chzh')
  })

  t.test('an unreachable service is reported and the choice is kept', async t => {
    const { page, logIn, alertText, errors } = await openPage(t)
    await logIn()
    await page.route('**/me', route => route.abort())
    const language = page.getByLabel('Language', { exact: true })
    await language.selectOption('German')
    await page.getByRole('button', { name: 'Save language' }).click()
    t.equal(await alertText(), "The service can't be reached. Please check your connection.")
    t.equal(await language.inputValue(), 'de')
    t.ok(errors.splice(0).length > 0)
  })
})
