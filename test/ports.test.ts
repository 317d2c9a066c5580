import { randomBytes } from 'node:crypto'
import pino from 'pino'
import t from 'tap'
import { readConfig } from '../src/config.ts'
import { portsOf } from '../src/ports.ts'
import { testDatabase } from './support/database.ts'

t.test('while a secret is changed, instances share their budgets, but for one new beginning when the new secret comes first', async t => {
  const database = await testDatabase(t)
  const [before, after] = [randomBytes(32), randomBytes(32)]
  const spent = async (...secrets: [Buffer, ...Buffer[]]) => {
    const { budgets } = await portsOf(readConfig({}), database, secrets, pino({ level: 'silent' }), undefined)
    const spending = await budgets.spend([{ budget: 'tries', of: { username: 'ada' }, limit: 9, seconds: 60 }], new Date())
    return spending.exhausted === null ? spending.spent[0] : 'exhausted'
  }
  t.same([await spent(before), await spent(before, after)], [1, 2])
  t.same([await spent(after, before), await spent(after)], [1, 2])
})
