import t from 'tap'
import { slugOf, start } from '../support/start.ts'

t.test('after a logout neither refresh nor /me know the session', async t => {
  const { logIn, logout, refresh, me, sessions } = await start(t)
  const [one, other] = [await logIn(), await logIn()]
  const answer = await logout(one.refreshToken)
  t.equal(answer.statusCode, 204)
  t.equal(answer.body, '')
  t.equal(slugOf(await refresh(one.refreshToken)), 'session-ended')
  t.equal(slugOf(await me(one.accessToken)), 'invalid-token')
  t.equal(slugOf(await sessions(one.accessToken)), 'invalid-token')
  t.equal((await refresh(other.refreshToken)).statusCode, 200, 'the person\'s other session goes on')
})

t.test('who has used a token up can still log out with it', async t => {
  const { logIn, logout, refresh } = await start(t)
  const { refreshToken } = await logIn()
  const next = (await refresh(refreshToken)).json()
  t.equal((await logout(refreshToken)).statusCode, 204)
  t.equal(slugOf(await refresh(next.refreshToken)), 'session-ended')
})

t.test('to log out of what has ended, or never was, is no mistake', async t => {
  const { logIn, logout, me } = await start(t)
  const { refreshToken, accessToken } = await logIn()
  const live = await logIn()
  for (const token of [refreshToken, refreshToken, 'A'.repeat(64), 'nonsense', accessToken, live.accessToken]) {
    t.equal((await logout(token)).statusCode, 204)
  }
  t.equal((await me(live.accessToken)).statusCode, 200)
})
