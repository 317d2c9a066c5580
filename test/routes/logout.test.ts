import t from 'tap'
import { slugOf, startApp } from '../support/start-app.ts'

t.test('a logout ends the session for /refresh and /me', async t => {
  const { logIn, logout, refresh, me, sessions } = await startApp(t)
  const [one, other] = [await logIn(), await logIn()]
  const response = await logout(one.refreshToken)
  t.equal(response.statusCode, 204)
  t.equal(response.body, '')
  t.equal(slugOf(await refresh(one.refreshToken)), 'session-ended')
  t.equal(slugOf(await me(one.accessToken)), 'invalid-token')
  t.equal(slugOf(await sessions(one.accessToken)), 'invalid-token')
  t.equal((await refresh(other.refreshToken)).statusCode, 200, 'the other session continues')
})

t.test('a refresh token that was already used still logs out', async t => {
  const { logIn, logout, refresh } = await startApp(t)
  const { refreshToken } = await logIn()
  const next = (await refresh(refreshToken)).json()
  t.equal((await logout(refreshToken)).statusCode, 204)
  t.equal(slugOf(await refresh(next.refreshToken)), 'session-ended')
})

t.test('logging out an ended or unknown session succeeds', async t => {
  const { logIn, logout, me } = await startApp(t)
  const { refreshToken, accessToken } = await logIn()
  const live = await logIn()
  for (const token of [
    refreshToken,
    refreshToken,
    'A'.repeat(64),
    'nonsense',
    accessToken,
    live.accessToken
  ]) {
    t.equal((await logout(token)).statusCode, 204)
  }
  t.equal((await me(live.accessToken)).statusCode, 200)
})
