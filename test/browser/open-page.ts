import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, type Browser, type Page } from 'playwright-core'
import type { AxeResults } from 'axe-core'
import root, { type Test } from 'tap'
import { ada, startApp, type StartOptions } from '../support/start-app.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export type Look = {
  colorScheme?: 'light' | 'dark'
  viewport?: { width: number; height: number }
  locale?: string
}

/**
 * The page in a real Chromium, as a person who has just opened it sees it, on a live service whose
 * time is the test's to move, and the browser's with it. The test fails when the browser complains
 * of anything: a policy that was broken, an error nobody caught, a file that isn't there.
 */
export async function openPage(t: Test, options: StartOptions = {}, look: Look = {}) {
  const service = await startApp(t, { demoPage: true, ...options })
  const url = await service.app.listen({ host: '127.0.0.1', port: 0 })
  const { page, ...rest } = await visit(t, url, look)
  const sendPassword = async ({
    username,
    password
  }: { username: string; password: string } = ada) => {
    await page.getByLabel('Username').fill(username)
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Send me a code' }).click()
  }
  const logIn = async () => {
    await sendPassword()
    await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
  }
  const typeCode = async (code: string) => {
    await page.getByLabel('Code', { exact: true }).fill(code)
    await page.getByRole('button', { name: 'Continue' }).click()
  }
  const isIn = async () => {
    await page.getByRole('heading', { name: 'You are logged in', exact: true }).waitFor()
    for (const shown of ['#me dd', '#sessions li']) await page.locator(shown).first().waitFor()
  }
  return {
    ...service,
    ...rest,
    page,
    /** Lets time pass for the service and for the page. */
    async pass(seconds: number) {
      service.wait(seconds)
      await page.clock.fastForward(seconds * 1000)
    },
    /** Types both and sends them off; what comes of it is for the test to see. */
    sendPassword,
    /** The first step. */
    logIn,
    /** The second. */
    typeCode,
    /** Waits until the person is in, and shown who that is and where. */
    isIn,
    /** Both steps. */
    async enter() {
      await logIn()
      await typeCode(service.twilio.lastCode())
      await isIn()
    },
    /** Waits for an alert, and resolves to what it says. */
    async refusal() {
      const alert = page.getByRole('alert').and(page.locator(':not(:empty)'))
      return alert.innerText()
    }
  }
}

/** A page at that address, in a window of its own that is gone with the test. */
export async function visit(
  t: Test,
  url: string,
  { colorScheme = 'light', viewport = { width: 390, height: 844 }, locale = 'en-GB' }: Look = {}
) {
  const browser = await (running ??= launch())
  // Its own words for dates, whatever the machine speaks.
  const context = await browser.newContext({
    colorScheme,
    viewport,
    locale,
    timezoneId: 'UTC',
    reducedMotion: 'reduce'
  })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const complaints: string[] = []
  // Chromium says so of each answer of 400 and above; a problem is nothing to complain of.
  page.on('console', message => {
    if (!/^Failed to load resource: .* status of [45]\d\d/.test(message.text()))
      complaints.push(message.text())
  })
  page.on('pageerror', error => {
    complaints.push(String(error))
  })
  page.on('requestfailed', request => {
    complaints.push(`${request.url()} failed`)
  })
  t.teardown(async () => {
    await context.close()
    if (complaints.length > 0) throw new Error(`The browser complained: ${complaints.join('; ')}`)
  })
  // Before the page, whose policy lets no such script in; so does the clock, which stands for the
  // browser's.
  await context.addInitScript({ content: axe })
  await page.clock.install()
  await page.goto(url)
  return {
    page,
    context,
    complaints,
    /** What the library for accessibility finds wrong with the page as it is now. */
    async violations() {
      const { violations } = await page.evaluate<AxeResults>('axe.run()')
      return violations.map(
        ({ id, nodes }) =>
          `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`
      )
    },
    focused: () => page.evaluate<string>('document.activeElement?.id'),
    /** How much wider than the window the page is. */
    overflow: () =>
      page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth')
  }
}

/** What a page shows, without what is hidden. */
export const shown = (page: Page) => page.locator('body').innerText()

// One for all tests of a file.
let running: Promise<Browser> | undefined
async function launch() {
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium'
  })
  root.teardown(() => browser.close())
  return browser
}
