import { randomBytes } from 'node:crypto'
import pino from 'pino'
import t from 'tap'
import { readConfig } from '../src/config/config.ts'
import { consume } from '../src/domain/rate-limits/rate-limit.ts'
import { createAdapters } from '../src/create-adapters.ts'
import { createTestDatabase } from './support/database.ts'

t.test('during a secret rotation, instances share rate limits, which start again once', async t => {
  const database = await createTestDatabase(t)
  const [before, after] = [randomBytes(32), randomBytes(32)]
  const count = async (...secrets: [Buffer, ...Buffer[]]) => {
    const { rateLimits } = await createAdapters(
      readConfig({}),
      database,
      secrets,
      pino({ level: 'silent' }),
      undefined
    )
    const limit = {
      name: 'password.attempts',
      key: { username: 'ada' },
      max: 9,
      windowSeconds: 60
    } as const
    const counts = await rateLimits.apply([consume(limit)], new Date())
    return counts[limit.name]
  }
  t.same([await count(before), await count(before, after)], [1, 2])
  t.same([await count(after, before), await count(after)], [1, 2])
})
