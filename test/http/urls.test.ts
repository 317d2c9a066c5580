import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { ada, slugOf, startApp } from '../support/start-app.ts'

type Operation = { parameters?: { in: string; name: string }[] }

t.test('URLs contain public ids only', async t => {
  const { paths } = parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'))
  t.ok(paths['/login'])
  for (const [path, operations] of Object.entries<Record<string, Operation>>(paths)) {
    // The admin API selects users by username and number, on its own port.
    if ('servers' in operations) continue
    for (const name of path.match(/\{\w+\}/g) ?? []) t.equal(name, '{id}', path)
    const parameters = Object.values(operations).flatMap(({ parameters = [] }) => parameters)
    t.same(
      parameters.filter(parameter => parameter.in === 'query'),
      [],
      path
    )
  }
})

t.test('credentials in a URL are ignored and not logged', async t => {
  const { app, accessToken, loginAndReadCode, logged, wait } = await startApp(t)
  const token = await accessToken()
  wait(60)
  const { challengeToken, code } = await loginAndReadCode()
  const headers = { 'content-type': 'application/json' }
  const responses = await Promise.all([
    app.inject(`/me?access_token=${token}`),
    app.inject({
      method: 'POST',
      url: `/login?username=${ada.username}&password=${encodeURIComponent(ada.password)}`,
      headers,
      payload: '{}'
    }),
    app.inject({
      method: 'POST',
      url: `/verify?challengeToken=${challengeToken}&code=${code}`,
      headers,
      payload: '{}'
    }),
    app.inject(`/nowhere/${token}`),
    app.inject(`/${token}%`)
  ])
  t.same(responses.map(slugOf), [
    'invalid-token',
    'invalid-request',
    'invalid-request',
    'not-found',
    'not-found'
  ])
  t.notMatch(logged.join(''), token)
  t.notMatch(logged.join(''), challengeToken)
  t.notMatch(logged.join(''), encodeURIComponent(ada.password))
})

t.test('malformed percent-encoding in a path is 404 not-found for every method', async t => {
  const { app } = await startApp(t)
  for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'PUT', 'OPTIONS'] as const)
    for (const url of [
      '/sessions/%',
      '/%',
      '/%zz',
      '/me%',
      '/sessions/%e0%a4%a',
      '/sessions/%ff',
      '/%c0%ae'
    ]) {
      const response = await app.inject({ method, url })
      t.equal(response.statusCode, 404, `${method} ${url}`)
      if (method !== 'HEAD') t.equal(slugOf(response), 'not-found', `${method} ${url}`)
    }
})
