import t from 'tap'
import { openPage, shown } from './open-page.ts'
import { ada } from '../support/start-app.ts'

t.test('other sessions are listed by client and can be ended singly or all at once', async t => {
  const { page, focused, logIn, loginAndReadCode, app, wait, refresh } = await openPage(t)
  const others: string[] = []
  for (const client of ['MyBank/3.2', 'okhttp/5.0', 'curl/8']) {
    const response = await app.inject({
      method: 'POST',
      url: '/verify',
      payload: await loginAndReadCode(),
      headers: { 'user-agent': client }
    })
    others.push(response.json().refreshToken)
    wait(60)
  }
  await logIn()
  const rows = page.locator('#sessions li')
  t.equal(await rows.count(), 4)
  t.equal(
    await page.getByRole('button', { name: /^End Chrome on Linux/ }).count(),
    0,
    'the current session has no such button'
  )

  await page.getByRole('button', { name: /^End MyBank/ }).click()
  await page.getByText('Session ended.').waitFor()
  t.equal(await focused(), 'sessions-title')
  t.equal(await rows.count(), 3)
  t.equal((await refresh(others[0] ?? '')).statusCode, 401)
  t.equal((await refresh(others[1] ?? '')).statusCode, 200)

  await page.getByRole('button', { name: 'End all other sessions' }).click()
  await page.getByText('All other sessions have been ended.').waitFor()
  t.equal(await rows.count(), 1)
  t.equal((await refresh(others[2] ?? '')).statusCode, 401)
})

t.test('the client name of a session is shown as text', async t => {
  const { page, logIn, prisma } = await openPage(t)
  await logIn()
  await prisma.session.updateMany({ data: { client: '<img src=x onerror=alert(1)>' } })
  await page.getByRole('button', { name: 'Refresh now' }).click()
  await page.getByRole('status').getByText('Refreshed').waitFor()
  t.match(await page.locator('#sessions').innerText(), '<img src=x onerror=alert(1)>')
  t.equal(await page.locator('#sessions img').count(), 0)
})

t.test('the page refreshes the access token shortly before it expires', async t => {
  const { page, logIn, passTime, me } = await openPage(t, { accessTokenTtl: 100 })
  await logIn()
  t.match(await page.locator('#token-life').innerText(), /expires in 1:(40|3\d)/)
  const refreshed = page.waitForResponse('**/refresh')
  await passTime(90)
  const { accessToken } = await (await refreshed).json()
  await page
    .locator('#token-life')
    .getByText(/expires in 1:(40|3\d)/)
    .waitFor()
  await passTime(60)
  t.equal((await me(accessToken)).statusCode, 200, 'the first token has expired')
})

t.test('a refused token is refreshed once for all requests', async t => {
  const { page, logIn, wait } = await openPage(t, { accessTokenTtl: 100 })
  // Time passes without timers of the page, as on a phone that was asleep.
  await page.route('**/verify', async route => {
    const response = await route.fetch()
    wait(101)
    await route.fulfill({ response })
  })
  const statuses: string[] = []
  page.on('response', response => {
    statuses.push(`${new URL(response.url()).pathname} ${response.status()}`)
  })
  await logIn()
  t.same(statuses.filter(status => /401|refresh/.test(status)).sort(), [
    '/me 401',
    '/refresh 200',
    '/sessions 401'
  ])
  t.equal(await page.locator('[role=alert]:visible:not(:empty)').count(), 0)
})

t.test('the session survives an outage and is refreshed afterwards', async t => {
  const { page, logIn, passTime, errors } = await openPage(t, { accessTokenTtl: 100 })
  await logIn()
  await page.route('**/refresh', route => route.abort())
  const failed = page.waitForEvent('requestfailed')
  await passTime(90)
  await failed
  await page.unroute('**/refresh')
  const refreshed = page.waitForResponse('**/refresh')
  await passTime(5)
  t.equal((await refreshed).status(), 200)
  t.match(errors.splice(0), [/refresh|ERR_FAILED/, /refresh|ERR_FAILED/])
})

t.test(
  'a confirmation that needs a recent login asks for the password and ends the old session',
  async t => {
    const { page, logIn, passTime, alertText, typeCode, waitForAccount, twilio, prisma, focused } =
      await openPage(t, { policy: { confirmationMaxAge: 300 } })
    await logIn()
    await passTime(300)
    await page.getByRole('button', { name: 'Send me a code for this' }).click()
    t.equal(await alertText(), 'This requires a recent login. Please log in again.')
    t.equal(await focused(), 'password', 'the username is filled in')
    await page.keyboard.type(ada.password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
    await typeCode(twilio.lastCode())
    await waitForAccount()
    t.equal(await prisma.session.count(), 1)
  }
)

t.test('an invalid transfer is reported next to its form', async t => {
  const { page, logIn, alertText, focused, twilio } = await openPage(t)
  await logIn()
  const submit = page.getByRole('button', { name: 'Send me a code for this' })
  await page.getByLabel('Payee').fill('www.example.com')
  await submit.click()
  t.equal(await alertText(), 'Please check: payee must not look like a link.')
  t.equal(twilio.messages.length, 1)
  await page.getByLabel('Payee').fill('Grace Hopper')
  await submit.click()
  await page.getByText('Send 250.00 EUR to Grace Hopper').waitFor()
  await page.getByRole('button', { name: 'Back' }).click()
  t.equal(await focused(), 'transfer-title')
  t.notMatch(await shown(page), 'receipt says')
})

t.test('the page notices a session that ended elsewhere at its next request', async t => {
  const { page, logIn, alertText, prisma } = await openPage(t)
  await logIn()
  await prisma.session.deleteMany()
  await page.getByRole('button', { name: 'Refresh now' }).click()
  t.equal(await alertText(), 'Your session has ended. Please log in again.')
  t.notMatch(await shown(page), /\+1/)
})
