import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Browser } from 'playwright-core'
import { printedCode, startServer } from '../support/start-process.ts'

// Takes the screenshots in the README from a first start. An argument names another folder, to test
// this program. Needs a build and Chromium.

const target = process.argv[2] ?? join(import.meta.dirname, '../../examples/screenshots')
const folder = mkdtempSync(join(tmpdir(), 'sms-login-'))
const cleanUps: (() => unknown)[] = [() => rmSync(folder, { recursive: true })]
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--disable-lcd-text']
})
try {
  const server = await startServer(
    {
      teardown: cleanUp => {
        cleanUps.unshift(cleanUp)
      }
    },
    { folder, env: { RESEND_COOLDOWN: '30' } }
  )
  const [, password = ''] = await server.prints(/demo, password (\S+) \(shown this once\)/)
  for (const colorScheme of ['light', 'dark'] as const) {
    const steps = await screenshots(browser, server, password, colorScheme)
    writeFileSync(join(target, `${colorScheme}.webp`), await sideBySide(browser, steps))
  }
} finally {
  await browser.close()
  for (const cleanUp of cleanUps) await cleanUp()
}

/** Takes screenshots of the three steps at the size of a phone. */
async function screenshots(
  browser: Browser,
  { url, printed, prints }: Awaited<ReturnType<typeof startServer>>,
  password: string,
  colorScheme: 'light' | 'dark'
) {
  const page = await browser.newPage({
    colorScheme,
    viewport: { width: 360, height: 640 },
    locale: 'en-GB'
  })
  await page.clock.install()
  await page.goto(url)
  await page.getByLabel('Username').fill('demo')
  await page.getByLabel('Password', { exact: true }).fill(password)
  const first = await page.screenshot()
  const { length } = printed()
  await page.getByRole('button', { name: 'Send me a code' }).click()
  await prints(/NOT SENT.*\n\d{6} /, length)
  const code = page.getByLabel('Code', { exact: true })
  await code.fill(printedCode(printed()))
  await page.clock.fastForward(18_000)
  await page.mouse.move(0, 0)
  const second = await page.screenshot()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.locator('#sessions li').first().waitFor()
  await page.mouse.move(0, 0)
  const third = await page.screenshot()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByText('You are logged out.').waitFor()
  await page.close()
  return [first, second, third]
}

/** Combines screenshots side by side into one WebP image, using a canvas of the browser. */
async function sideBySide(browser: Browser, pictures: Buffer[]): Promise<Buffer> {
  const page = await browser.newPage()
  const sources = pictures.map(picture => `data:image/png;base64,${picture.toString('base64')}`)
  const image = await page.evaluate<string>(`(async () => {
    const canvas = document.createElement('canvas')
    const images = ${JSON.stringify(sources)}.map(src => Object.assign(new Image(), { src }))
    for (const image of images) await image.decode()
    canvas.width = images.reduce((width, image) => width + image.width, 0)
    canvas.height = images[0].height
    const context = canvas.getContext('2d')
    images.forEach((image, index) => context.drawImage(image, index * image.width, 0))
    return canvas.toDataURL('image/webp', 0.85)
  })()`)
  await page.close()
  return Buffer.from(image.replace('data:image/webp;base64,', ''), 'base64')
}
