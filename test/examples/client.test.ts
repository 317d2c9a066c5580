import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { smsLogin } from '../../examples/client.ts'
import manifest from '../../package.json' with { type: 'json' }
import { ada, start, transfer } from '../support/start.ts'

/** Ada, logged in by the client; what it does in `done`, in its order. */
async function loggedIn (t: Test, accessTokenTtl: number) {
  const service = await start(t, { accessTokenTtl })
  const done: string[] = []
  service.app.addHook('onRequest', async ({ url }) => { done.push(url) })
  const kept: (string | undefined)[] = []
  const client = smsLogin(await service.app.listen({ host: '127.0.0.1', port: 0 }), async refreshToken => {
    await new Promise(resolve => setTimeout(resolve, 20)) // A store takes its time.
    kept.push(refreshToken)
    done.push('kept')
  })
  const { data } = await client.login(ada.username, ada.password)
  const { error } = await client.verify(data?.challengeToken ?? 'none', service.twilio.lastCode())
  t.equal(error, undefined)
  t.same(done.splice(0), ['/login', '/verify', 'kept'])
  return { ...service, ...client, done, kept }
}

t.test('the types of the examples are those of openapi.yaml (else: npm run openapi)', async t => {
  const [program = '', ...words] = manifest.scripts.openapi.split(' && ')[1]?.split(' ') ?? []
  await t.resolves(promisify(execFile)(`node_modules/.bin/${program}`, [...words, '--check'], { cwd: new URL('../..', import.meta.url) }))
})

t.test('a login, and who it is', async t => {
  const { api, done } = await loggedIn(t, 900)
  const { data } = await api.GET('/me')
  t.match(data, { username: ada.username })
  t.same(done, ['/me'])
})

t.test('a wrong code comes back as the problem that it is', async t => {
  const { app } = await start(t)
  const { login } = smsLogin(await app.listen({ host: '127.0.0.1', port: 0 }), async () => {})
  const { error } = await login(ada.username, 'not the password')
  t.match(error, { type: '/problems/invalid-credentials', status: 401 })
})

t.test('shortly before the token expires it is refreshed, once for all who ask, and the new refresh token is kept first', async t => {
  const { api, done, kept } = await loggedIn(t, 1)
  await new Promise(resolve => setTimeout(resolve, 950))
  const answers = await Promise.all(Array.from({ length: 5 }, () => api.GET('/me')))
  for (const { data } of answers) t.match(data, { username: ada.username })
  t.same(done, ['/refresh', 'kept', ...Array(5).fill('/me')])
  t.not(kept[1], kept[0])
})

t.test('a token that is refused is refreshed, once for all who ask, and they ask once more, bodies included', async t => {
  const { api, done, wait } = await loggedIn(t, 60)
  wait(120)
  const [confirmation, ...people] = await Promise.all([api.POST('/confirmations', { body: transfer }), ...Array.from({ length: 4 }, () => api.GET('/me'))])
  t.equal(confirmation.response.status, 201)
  for (const { data } of people) t.match(data, { username: ada.username })
  t.same(done.filter(what => what === '/refresh' || what === 'kept'), ['/refresh', 'kept'])
  t.equal(done.filter(what => what === '/me').length, 8)
})

t.test('after a restart it goes on with the refresh token that was kept', async t => {
  const { app, logIn } = await start(t)
  const { refreshToken } = await logIn()
  const kept: (string | undefined)[] = []
  const { resume, api } = smsLogin(await app.listen({ host: '127.0.0.1', port: 0 }), async refreshToken => { kept.push(refreshToken) })
  await resume(refreshToken)
  t.match((await api.GET('/me')).data, { username: ada.username })
  t.match(kept, [String])
  t.not(kept[0], refreshToken)
})

t.test('once the session is over nothing is kept, and nothing is refreshed any more', async t => {
  const { api, done, kept, logout } = await loggedIn(t, 900)
  await logout(kept[0] ?? 'none')
  t.match((await api.GET('/me')).error, { type: '/problems/invalid-token' })
  t.equal(kept.at(-1), undefined)
  done.length = 0
  t.match((await api.GET('/me')).error, { type: '/problems/invalid-token' })
  t.same(done, ['/me'])
})
