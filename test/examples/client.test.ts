import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { smsLogin } from '../../examples/client.ts'
import manifest from '../../package.json' with { type: 'json' }
import { skipUnlessInstalled } from '../support/separate-packages.ts'
import { ada, startApp, transfer } from '../support/start-app.ts'

/** Ada, logged in by the client; what it does in `done`, in its order. */
async function loggedIn(t: Test, accessTokenTtl: number) {
  const service = await startApp(t, { accessTokenTtl })
  const done: string[] = []
  service.app.addHook('onRequest', async ({ url }) => {
    done.push(url)
  })
  const kept: (string | undefined)[] = []
  const client = smsLogin(
    await service.app.listen({ host: '127.0.0.1', port: 0 }),
    async refreshToken => {
      await new Promise(resolve => setTimeout(resolve, 20)) // A store takes its time.
      kept.push(refreshToken)
      done.push('kept')
    }
  )
  const { data } = await client.login(ada.username, ada.password)
  const { error } = await client.verify(data?.challengeToken ?? 'none', service.twilio.lastCode())
  t.equal(error, undefined)
  t.same(done.splice(0), ['/login', '/verify', 'kept'])
  return { ...service, ...client, done, kept }
}

const skip = skipUnlessInstalled('scripts/openapi')

t.test('requests', async t => {
  t.test(
    "the example's types match openapi.yaml (else: npm run docs:openapi)",
    { skip },
    async t => {
      const generate = manifest.scripts['docs:openapi'].split(' && ').at(-1) ?? ''
      const [program = '', ...words] = generate.split(' ')
      await t.resolves(
        promisify(execFile)(program, [...words, '--check'], {
          cwd: new URL('../..', import.meta.url)
        })
      )
    }
  )

  t.test('the client logs in and reads the current user', async t => {
    const { api, done } = await loggedIn(t, 900)
    const { data } = await api.GET('/me')
    t.match(data, { username: ada.username })
    t.same(done, ['/me'])
  })

  t.test('the client changes the account and deletes it', async t => {
    const { api, done, kept, logout, prisma } = await loggedIn(t, 900)
    const newPassword = 'another horse battery'
    const { data } = await api.PATCH('/me', { body: { locale: 'pt-BR' } })
    t.match(data, { locale: 'pt-BR' })
    const change = { currentPassword: ada.password, newPassword }
    t.equal((await api.POST('/me/password', { body: change })).error, undefined)
    const { error } = await api.DELETE('/me', { body: { password: ada.password } })
    t.match(error, { type: '/problems/invalid-credentials' })
    t.equal((await api.DELETE('/me', { body: { password: newPassword } })).error, undefined)
    t.equal(await prisma.user.count(), 0)
    t.same(done, ['/me', '/me/password', '/me', '/me'], 'a wrong password refreshes nothing')
    await logout()
    t.equal(kept.at(-1), undefined)
  })

  t.test('a wrong password is returned as a problem', async t => {
    const { app } = await startApp(t)
    const { login } = smsLogin(await app.listen({ host: '127.0.0.1', port: 0 }), async () => {})
    const { error } = await login(ada.username, 'not the password')
    t.match(error, { type: '/problems/invalid-credentials', status: 401 })
  })

  t.test('a code in the digits of any script is sent in ASCII digits', async t => {
    const { app, twilio } = await startApp(t, { policy: { resendCooldown: 0 } })
    const { login, verify } = smsLogin(
      await app.listen({ host: '127.0.0.1', port: 0 }),
      async () => {}
    )
    for (const zero of ['٠', '۰', '०', '０', '𞥐']) {
      const { data } = await login(ada.username, ada.password)
      const typed = twilio
        .lastCode()
        .replaceAll(/\d/g, digit =>
          String.fromCodePoint((zero.codePointAt(0) ?? 0) + Number(digit))
        )
      const { error } = await verify(data?.challengeToken ?? 'none', typed)
      t.equal(error, undefined, typed)
    }
  })
})

t.test('refresh', async t => {
  t.test('concurrent requests shortly before expiry share one refresh', async t => {
    const { api, done, kept } = await loggedIn(t, 1)
    await new Promise(resolve => setTimeout(resolve, 950))
    const answers = await Promise.all(Array.from({ length: 5 }, () => api.GET('/me')))
    for (const { data } of answers) t.match(data, { username: ada.username })
    t.same(done, ['/refresh', 'kept', ...Array(5).fill('/me')])
    t.not(kept[1], kept[0])
  })

  t.test(
    'concurrent requests with a refused token share one refresh and are sent again',
    async t => {
      const { api, done, wait } = await loggedIn(t, 60)
      wait(120)
      const [confirmation, ...people] = await Promise.all([
        api.POST('/confirmations', { body: transfer }),
        ...Array.from({ length: 4 }, () => api.GET('/me'))
      ])
      t.equal(confirmation.response.status, 201)
      for (const { data } of people) t.match(data, { username: ada.username })
      t.same(
        done.filter(what => what === '/refresh' || what === 'kept'),
        ['/refresh', 'kept']
      )
      t.equal(done.filter(what => what === '/me').length, 8)
    }
  )

  t.test('after a restart the client continues with the stored refresh token', async t => {
    const { app, logIn } = await startApp(t)
    const { refreshToken } = await logIn()
    const kept: (string | undefined)[] = []
    const { resume, api } = smsLogin(
      await app.listen({ host: '127.0.0.1', port: 0 }),
      async refreshToken => {
        kept.push(refreshToken)
      }
    )
    await resume(refreshToken)
    t.match((await api.GET('/me')).data, { username: ada.username })
    t.match(kept, [String])
    t.not(kept[0], refreshToken)
  })

  t.test('after the session has ended nothing is stored or refreshed', async t => {
    const { api, done, kept, post } = await loggedIn(t, 900)
    await post('/logout', { refreshToken: kept[0] })
    t.match((await api.GET('/me')).error, { type: '/problems/invalid-token' })
    t.equal(kept.at(-1), undefined)
    done.length = 0
    t.match((await api.GET('/me')).error, { type: '/problems/invalid-token' })
    t.same(done, ['/me'])
  })
})

t.test('logout', async t => {
  t.test('logout ends the session and clears the stored token', async t => {
    const { api, logout, refresh, done, kept } = await loggedIn(t, 900)
    const refreshToken = kept[0] ?? 'none'
    t.equal((await logout())?.response.status, 204)
    t.equal(kept.at(-1), undefined)
    t.match((await refresh(refreshToken)).json(), { type: '/problems/session-ended' })
    done.length = 0
    t.match((await api.GET('/me')).error, { type: '/problems/invalid-token' })
    t.equal(await logout(), undefined)
    t.same(done, ['/me', 'kept'])
  })

  t.test('logout waits for a refresh in progress and ends the session', async t => {
    const { api, logout, prisma } = await loggedIn(t, 1)
    await new Promise(resolve => setTimeout(resolve, 950))
    const [, answer] = await Promise.all([api.GET('/me'), logout()])
    t.equal(answer?.response.status, 204)
    t.equal(await prisma.session.count(), 0)
  })

  t.test('logout forgets the tokens when the service cannot be reached', async t => {
    const { app, logout, api, kept } = await loggedIn(t, 900)
    await app.close()
    await t.rejects(logout())
    t.equal(kept.at(-1), undefined)
    await t.rejects(api.GET('/me'))
  })
})
