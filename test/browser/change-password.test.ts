import t, { type Test } from 'tap'
import { problem } from '../../src/http/problems/problem.ts'
import { openPage, shown } from './open-page.ts'
import { ada, type StartOptions } from '../support/start-app.ts'

const newPassword = 'another horse battery'

/** Opens the form that changes the password, for a user who is also logged in elsewhere. */
async function openForm(t: Test, options?: StartOptions) {
  const opened = await openPage(t, options)
  const { page, accessToken, logIn } = opened
  const elsewhere = await accessToken()
  await logIn()
  const current = page.getByLabel('Current password')
  const next = page.getByLabel('New password')
  return {
    ...opened,
    elsewhere,
    current,
    next,
    async change(from: string, to: string) {
      await current.fill(from)
      await next.fill(to)
      await page.getByRole('button', { name: 'Change password' }).click()
    },
    /** Waits until the page says that the password has been changed. */
    changed: () => page.getByRole('status').getByText('Your password has been changed.').waitFor()
  }
}

t.test('success', async t => {
  t.test('the new password replaces the old one and all other sessions end', async t => {
    const { page, change, changed, current, next, elsewhere, me, login } = await openForm(t)
    t.equal(await page.locator('#sessions li').count(), 2)
    await change(ada.password, newPassword)
    await changed()
    t.equal(await page.locator('#sessions li').count(), 1)
    t.same([await current.inputValue(), await next.inputValue()], ['', ''])
    t.equal((await me(elsewhere)).statusCode, 401)
    t.equal((await login()).statusCode, 401)
    t.equal((await login({ ...ada, password: newPassword })).statusCode, 200)
  })

  t.test('both passwords can be shown and are hidden again after the change', async t => {
    const { page, change, changed, current, next } = await openForm(t)
    const types = () => Promise.all([current, next].map(field => field.getAttribute('type')))
    await page.getByRole('button', { name: 'Show passwords' }).click()
    t.same(await types(), ['text', 'text'])
    await change(ada.password, newPassword)
    await changed()
    t.same(await types(), ['password', 'password'])
    await page.getByRole('button', { name: 'Show passwords' }).waitFor()
  })

  t.test('password managers learn which user the new password belongs to', async t => {
    const { page, change, changed, current, next } = await openForm(t)
    t.equal(await current.getAttribute('autocomplete'), 'current-password')
    t.equal(await next.getAttribute('autocomplete'), 'new-password')
    const username = page.locator('#change-password [autocomplete=username]')
    t.equal(await username.inputValue(), ada.username)
    await change(ada.password, newPassword)
    await changed()
    t.equal(await username.inputValue(), ada.username)
  })
})

t.test('failures', async t => {
  t.test('a wrong current password is reported at its field and can be corrected', async t => {
    const { page, change, changed, current, next, alertText, focused } = await openForm(t)
    await change('not the password', newPassword)
    t.equal(await alertText(), 'This is not your current password.')
    t.equal(await focused(), 'current-password')
    t.equal(await current.getAttribute('aria-invalid'), 'true')
    t.equal(await next.inputValue(), newPassword)
    await page.keyboard.type(ada.password)
    await page.keyboard.press('Enter')
    await changed()
    t.equal(await current.getAttribute('aria-invalid'), 'false')
    t.equal(await page.getByRole('alert').count(), 0)
  })

  t.test('the reason why a new password cannot be used is shown at its field', async t => {
    const { page, change, changed, next, alertText, focused } = await openForm(t)
    for (const [password, reason] of [
      ['short', 'The password must have at least 8 characters.'],
      ['ada in the rain', 'The password must not contain the username.'],
      ['password1', 'The password is on the list of common passwords, which attackers try first.']
    ] as const) {
      await change(ada.password, password)
      await page.getByRole('alert').getByText(reason).waitFor()
      t.equal(await alertText(), reason)
      t.equal(await focused(), 'new-password')
      t.equal(await next.getAttribute('aria-invalid'), 'true')
    }
    await page.keyboard.type(newPassword)
    await page.keyboard.press('Enter')
    await changed()
  })

  t.test('after too many wrong passwords the remaining wait is shown', async t => {
    const { page, change, changed, alertText, passTime } = await openForm(t, {
      limits: { passwordFailures: 1 }
    })
    await change('not the password', newPassword)
    t.equal(await alertText(), 'This is not your current password.')
    await change(ada.password, newPassword)
    await page.getByRole('alert').getByText('Too many wrong passwords.').waitFor()
    t.match(await shown(page), /You can try again in 1[45]:\d\d\./)
    await passTime(900)
    await page.getByText('You can try again now.').waitFor()
    await change(ada.password, newPassword)
    await changed()
  })

  t.test('the user can try again when the service is busy', async t => {
    const { page, change, changed, alertText } = await openForm(t)
    await page.route('**/me/password', route =>
      route.fulfill({ status: 503, json: problem('busy', 'an id') })
    )
    await change(ada.password, newPassword)
    t.equal(await alertText(), 'Many users are logging in right now. Please try again in a moment.')
    await page.unroute('**/me/password')
    await page.getByRole('button', { name: 'Change password' }).click()
    await changed()
  })

  t.test('an unreachable service is reported and the passwords are kept', async t => {
    const { page, change, changed, alertText, errors } = await openForm(t)
    await page.route('**/me/password', route => route.abort())
    await change(ada.password, newPassword)
    t.equal(await alertText(), "The service can't be reached. Please check your connection.")
    t.ok(errors.splice(0).length > 0)
    await page.unroute('**/me/password')
    await page.getByRole('button', { name: 'Change password' }).click()
    await changed()
  })

  t.test('a session that ended elsewhere asks for a login and clears the passwords', async t => {
    const { change, current, next, alertText, prisma } = await openForm(t)
    await prisma.session.deleteMany()
    await change(ada.password, newPassword)
    t.equal(await alertText(), 'Your session has ended. Please log in again.')
    t.same([await current.inputValue(), await next.inputValue()], ['', ''])
  })
})
