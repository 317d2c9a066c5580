import t from 'tap'
import { createSharedState } from '../../src/adapters/stores/shared-state.ts'
import { defaultLimits, startApp } from '../support/start-app.ts'

t.test('the state that metrics show', async t => {
  const { prisma, policy, clock } = await startApp(t, { limits: defaultLimits })

  t.test('a lockout counts until it ends, and one without an end always', async t => {
    const lock = { where: { username: 'ada' } }
    const count = async (settings = policy) =>
      (await createSharedState({ prisma, isReady: async () => true, clock, policy: settings })())
        .lockedUsers
    t.equal(await count(), 0)
    const past = new Date(clock().getTime() - 1000)
    const future = new Date(clock().getTime() + 60_000)
    for (const [data, expected] of [
      [{ codeFailures: 5, codeLockedUntil: future }, 1],
      [{ codeFailures: 5, codeLockedUntil: past }, 0],
      [{ codeFailures: 100, codeLockedUntil: past }, 1]
    ] as const) {
      await prisma.user.updateMany({ ...lock, data })
      t.equal(await count(), expected)
    }
    t.equal(await count({ ...policy, limits: { ...policy.limits, codeFailures: 0 } }), 0)
  })

  t.test('ten scrapes at once, and another one soon after, cause one read', async t => {
    let checks = 0
    const read = createSharedState({
      prisma,
      isReady: async () => {
        checks++
        return true
      },
      clock,
      policy
    })
    await Promise.all(Array.from({ length: 10 }, read))
    await read()
    t.equal(checks, 1)
  })

  t.test('a check that fails or never ends delays and fails no scrape', async t => {
    for (const isReady of [
      async () => Promise.reject(new Error('broken')),
      async () => new Promise<boolean>(() => {})
    ])
      t.match(await createSharedState({ prisma, isReady, clock, policy })(), {
        databaseReady: false,
        lockedUsers: undefined,
        pausedCountries: []
      })
  })
})
