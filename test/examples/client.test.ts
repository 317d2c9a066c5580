import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { smsLogin } from '../../examples/client.ts'
import manifest from '../../package.json' with { type: 'json' }
import { skipUnlessInstalled } from '../support/separate-packages.ts'
import { ada, startApp, transfer } from '../support/start-app.ts'

/** Logs Ada in with the client. `actions` lists its requests and uses of the token store. */
async function startLoggedIn(t: Test, accessTokenTtl: number) {
  const service = await startApp(t, { accessTokenTtl })
  const actions: string[] = []
  service.app.addHook('onRequest', async ({ url }) => {
    actions.push(url)
  })
  const stored: (string | undefined)[] = []
  const client = smsLogin(
    await service.app.listen({ host: '127.0.0.1', port: 0 }),
    async refreshToken => {
      await new Promise(resolve => setTimeout(resolve, 20)) // A store may be slow.
      stored.push(refreshToken)
      actions.push('stored')
    }
  )
  const { data } = await client.login(ada.username, ada.password)
  const { error } = await client.verify(data?.challengeToken ?? 'none', service.twilio.lastCode())
  t.equal(error, undefined)
  t.same(actions.splice(0), ['/login', '/verify', 'stored'])
  return { ...service, ...client, actions, stored }
}

const skip = skipUnlessInstalled('scripts/openapi')

t.test('requests', async t => {
  t.test(
    "the example's types match openapi.yaml (else: npm run docs:openapi)",
    { skip },
    async t => {
      const generate = manifest.scripts['docs:openapi'].split(' && ').at(-1) ?? ''
      const [program = '', ...args] = generate.split(' ')
      await t.resolves(
        promisify(execFile)(program, [...args, '--check'], {
          cwd: new URL('../..', import.meta.url)
        })
      )
    }
  )

  t.test('the client logs in and reads the current user', async t => {
    const { me, actions } = await startLoggedIn(t, 900)
    t.match((await me()).data, { username: ada.username })
    t.same(actions, ['/me'])
  })

  t.test('the client says that a message has not arrived', async t => {
    const { app, report } = await startApp(t, { publicUrl: 'https://login.example' })
    const { login, readChallenge } = smsLogin(
      await app.listen({ host: '127.0.0.1', port: 0 }),
      async () => {}
    )
    const { data } = await login(ada.username, ada.password)
    await report('undelivered', { errorCode: 30003 })
    t.match((await readChallenge(data?.challengeToken ?? 'none')).data, {
      delivery: 'failed',
      deliveryReason: 'unreachable',
      resendIn: 0
    })
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

t.test('account', async t => {
  t.test('the language of messages can be set and unset', async t => {
    const { setLocale, me } = await startLoggedIn(t, 900)
    t.match((await setLocale('pt-br')).data, { locale: 'pt-BR' })
    t.match((await me()).data, { locale: 'pt-BR' })
    t.match((await setLocale(null)).data, { locale: null })
    t.match((await setLocale('no tag')).error, { type: '/problems/invalid-request' })
  })

  t.test('the password can be changed and a wrong one causes no refresh', async t => {
    const { changePassword, actions, post } = await startLoggedIn(t, 900)
    const next = 'another horse battery'
    const { error } = await changePassword('not the password', next)
    t.match(error, { type: '/problems/invalid-credentials' })
    t.equal((await changePassword(ada.password, next)).error, undefined)
    t.same(actions.splice(0), ['/me/password', '/me/password'])
    const { username } = ada
    t.equal((await post('/login', { username, password: next })).statusCode, 200)
  })

  t.test('the number is changed with a code that can be sent again', async t => {
    const { requestPhoneChange, resend, verifyPhoneChange, me, twilio, wait } = await startLoggedIn(
      t,
      900
    )
    const { data: first } = await requestPhoneChange('+1 202 555 0106')
    t.match(first, { destination: '+1•••••••06', sent: true })
    const token = first?.challengeToken ?? 'none'
    t.match((await resend(token)).error, { type: '/problems/resend-too-soon' })
    wait(30)
    const { data: second } = await resend(token)
    t.match(second, { destination: '+1•••••••06', sent: true })
    const code = twilio.lastCode().replaceAll(/\d/g, digit => '٠١٢٣٤٥٦٧٨٩'[Number(digit)] ?? '')
    t.equal((await verifyPhoneChange(second?.challengeToken ?? 'none', code)).error, undefined)
    t.match((await me()).data, { phone: '+1•••••••06' })
  })

  t.test('the account can be deleted, which forgets the tokens', async t => {
    const { deleteAccount, me, logout, actions, stored, prisma } = await startLoggedIn(t, 900)
    const { error } = await deleteAccount('not the password')
    t.match(error, { type: '/problems/invalid-credentials' })
    t.equal(stored.length, 1, 'the tokens are kept')
    t.equal((await deleteAccount(ada.password)).error, undefined)
    t.equal(await prisma.user.count(), 0)
    t.equal(stored.at(-1), undefined)
    t.same(actions.splice(0), ['/me', '/me', 'stored'])
    t.match((await me()).error, { type: '/problems/invalid-token' })
    t.equal(await logout(), undefined)
  })
})

t.test('refresh', async t => {
  t.test('concurrent requests shortly before expiry share one refresh', async t => {
    const { api, actions, stored } = await startLoggedIn(t, 1)
    await new Promise(resolve => setTimeout(resolve, 950))
    const responses = await Promise.all(Array.from({ length: 5 }, () => api.GET('/me')))
    for (const { data } of responses) t.match(data, { username: ada.username })
    t.same(actions, ['/refresh', 'stored', ...Array(5).fill('/me')])
    t.not(stored[1], stored[0])
  })

  t.test(
    'concurrent requests with a refused token share one refresh and are sent again',
    async t => {
      const { api, actions, wait } = await startLoggedIn(t, 60)
      wait(120)
      const [confirmation, ...users] = await Promise.all([
        api.POST('/confirmations', { body: transfer }),
        ...Array.from({ length: 4 }, () => api.GET('/me'))
      ])
      t.equal(confirmation.response.status, 201)
      for (const { data } of users) t.match(data, { username: ada.username })
      t.same(
        actions.filter(action => action === '/refresh' || action === 'stored'),
        ['/refresh', 'stored']
      )
      t.equal(actions.filter(action => action === '/me').length, 8)
    }
  )

  t.test('after a restart the client continues with the stored refresh token', async t => {
    const { app, logIn } = await startApp(t)
    const { refreshToken } = await logIn()
    const stored: (string | undefined)[] = []
    const { resume, api } = smsLogin(
      await app.listen({ host: '127.0.0.1', port: 0 }),
      async refreshToken => {
        stored.push(refreshToken)
      }
    )
    await resume(refreshToken)
    t.match((await api.GET('/me')).data, { username: ada.username })
    t.match(stored, [String])
    t.not(stored[0], refreshToken)
  })

  t.test('after the session has ended, no token is stored or refreshed', async t => {
    const { api, actions, stored, post } = await startLoggedIn(t, 900)
    await post('/logout', { refreshToken: stored[0] })
    t.match((await api.GET('/me')).error, { type: '/problems/invalid-token' })
    t.equal(stored.at(-1), undefined)
    actions.length = 0
    t.match((await api.GET('/me')).error, { type: '/problems/invalid-token' })
    t.same(actions, ['/me'])
  })
})

t.test('logout', async t => {
  t.test('logout ends the session and clears the stored token', async t => {
    const { api, logout, refresh, actions, stored } = await startLoggedIn(t, 900)
    const refreshToken = stored[0] ?? 'none'
    t.equal((await logout())?.response.status, 204)
    t.equal(stored.at(-1), undefined)
    t.match((await refresh(refreshToken)).json(), { type: '/problems/session-ended' })
    actions.length = 0
    t.match((await api.GET('/me')).error, { type: '/problems/invalid-token' })
    t.equal(await logout(), undefined)
    t.same(actions, ['/me', 'stored'])
  })

  t.test('logout waits for a refresh in progress and ends the session', async t => {
    const { api, logout, prisma } = await startLoggedIn(t, 1)
    await new Promise(resolve => setTimeout(resolve, 950))
    const [, response] = await Promise.all([api.GET('/me'), logout()])
    t.equal(response?.response.status, 204)
    t.equal(await prisma.session.count(), 0)
  })

  t.test('logout clears the tokens even if the service cannot be reached', async t => {
    const { app, logout, api, stored } = await startLoggedIn(t, 900)
    await app.close()
    await t.rejects(logout())
    t.equal(stored.at(-1), undefined)
    await t.rejects(api.GET('/me'))
  })
})
