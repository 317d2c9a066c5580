import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, type Browser, type Page } from 'playwright-core'
import type { AxeResults } from 'axe-core'
import root, { type Test } from 'tap'
import { ada, startApp, type StartOptions } from '../support/start-app.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export type Display = {
  colorScheme?: 'light' | 'dark'
  viewport?: { width: number; height: number }
  locale?: string
}

/**
 * Opens the demo page of a new service in Chromium. The test moves the time of both. It fails if
 * the browser reports an error, such as a violated policy, an uncaught exception or a missing file.
 */
export async function openPage(t: Test, options: StartOptions = {}, display: Display = {}) {
  const service = await startApp(t, { demoPage: true, ...options })
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const { page, ...rest } = await visit(t, url, display)
  const sendPassword = async ({
    username,
    password
  }: { username: string; password: string } = ada) => {
    await page.getByLabel('Username').fill(username)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByRole('button', { name: 'Send me a code' }).click()
  }
  const startLogin = async () => {
    await sendPassword()
    await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
  }
  const typeCode = async (code: string) => {
    await page.getByLabel('Code', { exact: true }).fill(code)
    await page.getByRole('button', { name: 'Continue' }).click()
  }
  const waitForAccount = async () => {
    await page.getByRole('heading', { name: 'You are logged in', exact: true }).waitFor()
    for (const shown of ['#me dd', '#sessions li']) await page.locator(shown).first().waitFor()
  }
  return {
    ...service,
    ...rest,
    page,
    /** Advances the time of the service and of the page. */
    async passTime(seconds: number) {
      service.wait(seconds)
      await page.clock.fastForward(seconds * 1000)
    },
    /** Enters the username and password and submits them. */
    sendPassword,
    /** Completes the first step of a login. */
    startLogin,
    /** Enters and submits a code. */
    typeCode,
    /** Waits until the page shows the account and its sessions. */
    waitForAccount,
    /** Completes both steps of a login. */
    async logIn() {
      await startLogin()
      await typeCode(service.twilio.lastCode())
      await waitForAccount()
    },
    /** Waits for an alert and returns its text. */
    async alertText() {
      const alert = page.getByRole('alert').and(page.locator(':not(:empty)'))
      return alert.innerText()
    }
  }
}

/** Opens a URL in a new browser context, which is closed at the end of the test. */
export async function visit(
  t: Test,
  url: string,
  { colorScheme = 'light', viewport = { width: 390, height: 844 }, locale = 'en-GB' }: Display = {}
) {
  const browser = await (running ??= launch())
  // Fixed settings, so that the test does not depend on those of the machine.
  const context = await browser.newContext({
    colorScheme,
    viewport,
    locale,
    timezoneId: 'UTC',
    reducedMotion: 'reduce'
  })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const errors: string[] = []
  // Chromium reports every response of 400 and above, but a problem is not an error of the page.
  page.on('console', message => {
    if (!/^Failed to load resource: .* status of [45]\d\d/.test(message.text()))
      errors.push(message.text())
  })
  page.on('pageerror', error => {
    errors.push(String(error))
  })
  page.on('requestfailed', request => {
    errors.push(`${request.url()} failed`)
  })
  t.teardown(async () => {
    await context.close()
    if (errors.length > 0) throw new Error(`The browser reported errors: ${errors.join('; ')}`)
  })
  // Added before the page loads, because the page's policy allows no other scripts. The same is
  // true of the clock, which replaces the browser's.
  await context.addInitScript({ content: axe })
  await page.clock.install()
  await page.goto(url)
  return {
    page,
    context,
    errors,
    /** Returns the accessibility violations of the page in its current state. */
    async violations() {
      const { violations } = await page.evaluate<AxeResults>('axe.run()')
      return violations.map(
        ({ id, nodes }) =>
          `${id}: ` +
          nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')
      )
    },
    focused: () => page.evaluate<string>('document.activeElement?.id'),
    /** Returns by how many pixels the page is wider than the window. */
    overflow: () =>
      page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')
  }
}

/** Returns the visible text of a page. */
export const shown = (page: Page) => page.locator('body').innerText()

// All tests of a file share one browser.
let running: Promise<Browser> | undefined
async function launch() {
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium'
  })
  root.teardown(() => browser.close())
  return browser
}
