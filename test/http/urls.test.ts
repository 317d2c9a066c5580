import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { ada, slugOf, start } from '../support/start.ts'

type Operation = { parameters?: { in: string, name: string }[] }

t.test('nothing but a public id ever stands in a URL', async t => {
  const { paths } = parse(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'))
  t.ok(paths['/login'])
  for (const [path, operations] of Object.entries<Record<string, Operation>>(paths)) {
    for (const name of path.match(/\{\w+\}/g) ?? []) t.equal(name, '{id}', path)
    const parameters = Object.values(operations).flatMap(({ parameters = [] }) => parameters)
    t.same(parameters.filter(parameter => parameter.in === 'query'), [], path)
  }
})

t.test('what is sent in a URL all the same opens nothing and is not logged', async t => {
  const { app, accessToken, challenge, logged, wait } = await start(t)
  const token = await accessToken()
  wait(60)
  const { challengeToken, code } = await challenge()
  const form = { 'content-type': 'application/json' }
  const answers = await Promise.all([
    app.inject(`/me?access_token=${token}`),
    app.inject({ method: 'POST', url: `/login?username=${ada.username}&password=${encodeURIComponent(ada.password)}`, headers: form, payload: '{}' }),
    app.inject({ method: 'POST', url: `/verify?challengeToken=${challengeToken}&code=${code}`, headers: form, payload: '{}' }),
    app.inject(`/nowhere/${token}`),
    app.inject(`/${token}%`)
  ])
  t.same(answers.map(slugOf), ['invalid-token', 'invalid-request', 'invalid-request', 'not-found', 'invalid-request'])
  t.notMatch(logged.join(''), token)
  t.notMatch(logged.join(''), challengeToken)
  t.notMatch(logged.join(''), encodeURIComponent(ada.password))
})
