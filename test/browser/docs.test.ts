import t from 'tap'
import { problemKinds } from '../../src/http/problems/problem-kinds.ts'
import { visit } from './open-page.ts'
import { startApp } from '../support/start-app.ts'

t.test(
  '/docs lists all endpoints and problems, sends requests and contacts no other host',
  async t => {
    const { app } = await startApp(t, { docs: true })
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const { page, context } = await visit(t, `${url}/livez`, {
      viewport: { width: 1280, height: 800 }
    })
    const origins = new Set<string>()
    context.on('request', request => {
      origins.add(new URL(request.url()).origin)
    })

    await page.goto(`${url}/docs`)
    const operation = page.locator('.opblock')
    await operation.first().waitFor()
    t.ok((await operation.count()) > 12)
    const problems = (await page.locator('#problems').innerText()).replaceAll(/\s+/g, ' ')
    for (const [slug, { remedy }] of Object.entries(problemKinds))
      t.ok(problems.includes(remedy.replaceAll('`', '')), slug)
    const [endpointsAt, problemsAt] = await Promise.all(
      [operation.first(), page.locator('#problems')].map(
        async part => (await part.boundingBox())?.y
      )
    )
    t.ok((endpointsAt ?? Infinity) < 800, 'endpoints are in the first screen')
    t.ok((endpointsAt ?? Infinity) < (problemsAt ?? 0), 'problems come after the endpoints')

    const login = page.locator('#operations-Login-login')
    await login.click()
    await login.getByRole('button', { name: 'Try it out' }).click()
    t.match(JSON.parse(await login.locator('textarea').inputValue()), {
      username: 'demo',
      password: /^<.*>$/
    })

    const background = () =>
      page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor')
    const light = await background()
    t.notOk(await page.locator('html.dark-mode').count())
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.locator('html.dark-mode').waitFor()
    t.not(await background(), light)
    await page.emulateMedia({ colorScheme: 'light' })

    const livez = page.locator('.opblock', { hasText: '/livez' })
    await livez.click()
    await livez.getByRole('button', { name: 'Try it out' }).click()
    await livez.getByRole('button', { name: 'Execute' }).click()
    await livez.locator('.live-responses-table').getByText('200', { exact: true }).waitFor()

    await page.goto(`${url}/problems/wrong-code`)
    t.equal(page.url(), `${url}/docs/problems#wrong-code`)
    t.match(await page.locator(':target').innerText(), /^wrong-code 401: Wrong code/)
    t.same([...origins], [url])
  }
)
