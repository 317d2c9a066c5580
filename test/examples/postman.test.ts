import { readFileSync } from 'node:fs'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { postmanFiles } from '../../scripts/make-postman.ts'
import { ada, start } from '../support/start.ts'

const textOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const collection = () => JSON.parse(textOf('examples/postman/collection.json'))

t.test('the files for Postman are those of openapi.yaml (else: npm run postman)', async t => {
  for (const [name, content] of Object.entries(await postmanFiles(textOf('openapi.yaml')))) t.equal(textOf(`examples/postman/${name}`), content, name)
})

t.test('the first folder, one request after another, goes from the password to the logout', async t => {
  const { app, twilio } = await start(t)
  const { values }: { values: { key: string, value: string }[] } = JSON.parse(textOf('examples/postman/environment.json'))
  const variables = new Map(values.map(({ key, value }) => [key, value]))
  variables.set('baseUrl', await app.listen({ host: '127.0.0.1', port: 0 })).set('username', ada.username).set('password', ada.password)
  const filled = (text: string) => text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => variables.get(name) ?? 'not in the environment')

  // What Postman does with it, as far as it is used here.
  const statuses: number[] = []
  for (const { request, event } of collection().item[0].item) {
    if (request.url.path.at(-1) === 'verify') variables.set('code', twilio.lastCode())
    const headers = Object.fromEntries(request.header.map(({ key, value }: { key: string, value: string }) => [key, value]))
    if (request.auth?.type === 'bearer') headers.authorization = `Bearer ${filled(request.auth.bearer[0].value)}`
    const answer = await fetch(filled([...request.url.host, ...request.url.path].join('/')), { method: request.method, headers, ...request.body && { body: filled(request.body.raw) } })
    const body = await answer.text()
    statuses.push(answer.status)
    runInNewContext(event[0].script.exec.join('\n'), {
      pm: {
        test: (_name: string, check: () => void) => check(),
        expect: (value: number) => ({ to: { be: { below: (bound: number) => t.ok(value < bound, body) } } }),
        response: { code: answer.status, json: () => JSON.parse(body) },
        environment: { set: (name: string, value: string) => { variables.set(name, value) } }
      }
    })
  }
  t.same(statuses, [200, 200, 200, 200, 200, 201, 200, 204])
  t.match(variables.get('receipt'), /^eyJ/)
})

t.test('no file for Postman holds a secret, and those it will hold are marked', async t => {
  const { values } = JSON.parse(textOf('examples/postman/environment.json'))
  for (const { key, value, type } of values) {
    if (['baseUrl', 'username'].includes(key)) continue
    t.match({ value, type }, { value: '', type: 'secret' }, key)
  }
})
