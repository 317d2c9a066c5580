import t from 'tap'
import { openPage, shown } from './open-page.ts'
import { ada } from '../support/start-app.ts'

t.test(
  'other sessions are listed by client and can be ended one by one or all at once',
  async t => {
    const { page, focused, enter, loginAndReadCode, app, wait, refresh } = await openPage(t)
    const others: string[] = []
    for (const client of ['MyBank/3.2', 'okhttp/5.0', 'curl/8']) {
      const answer = await app.inject({
        method: 'POST',
        url: '/verify',
        payload: await loginAndReadCode(),
        headers: { 'user-agent': client }
      })
      others.push(answer.json().refreshToken)
      wait(60)
    }
    await enter()
    const rows = page.locator('#sessions li')
    t.equal(await rows.count(), 4)
    t.equal(
      await page.getByRole('button', { name: /^End Chrome on Linux/ }).count(),
      0,
      'this one is ended by logging out'
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
  }
)

t.test('the client name of a session is shown as text', async t => {
  const { page, enter, prisma } = await openPage(t)
  await enter()
  await prisma.session.updateMany({ data: { client: '<img src=x onerror=alert(1)>' } })
  await page.getByRole('button', { name: 'Refresh now' }).click()
  await page.getByRole('status').getByText('Refreshed').waitFor()
  t.match(await page.locator('#sessions').innerText(), '<img src=x onerror=alert(1)>')
  t.equal(await page.locator('#sessions img').count(), 0)
})

t.test('the page refreshes the access token shortly before it expires', async t => {
  const { page, enter, pass, me } = await openPage(t, { accessTokenTtl: 100 })
  await enter()
  t.match(await page.locator('#token-life').innerText(), /expires in 1:(40|3\d)/)
  const answered = page.waitForResponse('**/refresh')
  await pass(90)
  const { accessToken } = await (await answered).json()
  await page
    .locator('#token-life')
    .getByText(/expires in 1:(40|3\d)/)
    .waitFor()
  await pass(60)
  t.equal((await me(accessToken)).statusCode, 200, 'after the first one has expired')
})

t.test('a refused token is refreshed once for all requests', async t => {
  const { page, enter, wait } = await openPage(t, { accessTokenTtl: 100 })
  // As on a phone that slept: time has passed, and no timer of the page has run.
  await page.route('**/verify', async route => {
    const response = await route.fetch()
    wait(101)
    await route.fulfill({ response })
  })
  const answers: string[] = []
  page.on('response', response => {
    answers.push(`${new URL(response.url()).pathname} ${response.status()}`)
  })
  await enter()
  t.same(answers.filter(answer => /401|refresh/.test(answer)).sort(), [
    '/me 401',
    '/refresh 200',
    '/sessions 401'
  ])
  t.equal(await page.locator('[role=alert]:visible:not(:empty)').count(), 0)
})

t.test('the session survives an outage and is refreshed afterwards', async t => {
  const { page, enter, pass, complaints } = await openPage(t, { accessTokenTtl: 100 })
  await enter()
  await page.route('**/refresh', route => route.abort())
  const failed = page.waitForEvent('requestfailed')
  await pass(90)
  await failed
  await page.unroute('**/refresh')
  const answered = page.waitForResponse('**/refresh')
  await pass(5)
  t.equal((await answered).status(), 200)
  t.match(complaints.splice(0), [/refresh|ERR_FAILED/, /refresh|ERR_FAILED/])
})

t.test(
  'a confirmation that needs a recent login asks for the password and ends the old session',
  async t => {
    const { page, enter, pass, refusal, typeCode, isIn, twilio, prisma, focused } = await openPage(
      t,
      { policy: { confirmationMaxAge: 300 } }
    )
    await enter()
    await pass(300)
    await page.getByRole('button', { name: 'Send me a code for this' }).click()
    t.equal(await refusal(), 'This requires a recent login. Please log in again.')
    t.equal(await focused(), 'password', 'the name is known')
    await page.keyboard.type(ada.password)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
    await typeCode(twilio.lastCode())
    await isIn()
    t.equal(await prisma.session.count(), 1)
  }
)

t.test('an invalid transfer is explained at its form', async t => {
  const { page, enter, refusal, focused, twilio } = await openPage(t)
  await enter()
  const ask = page.getByRole('button', { name: 'Send me a code for this' })
  await page.getByLabel('Payee').fill('www.example.com')
  await ask.click()
  t.equal(await refusal(), 'Please check: payee must not look like a link.')
  t.equal(twilio.texts.length, 1)
  await page.getByLabel('Payee').fill('Grace Hopper')
  await ask.click()
  await page.getByText('Send 250.00 EUR to Grace Hopper').waitFor()
  await page.getByRole('button', { name: 'Back' }).click()
  t.equal(await focused(), 'transfer-title')
  t.notMatch(await shown(page), 'receipt says')
})

t.test('the page notices a session that ended elsewhere at its next request', async t => {
  const { page, enter, refusal, prisma } = await openPage(t)
  await enter()
  await prisma.session.deleteMany()
  await page.getByRole('button', { name: 'Refresh now' }).click()
  t.equal(await refusal(), 'Your session has ended. Please log in again.')
  t.notMatch(await shown(page), /\+1/)
})
