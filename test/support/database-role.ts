import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { createEmptyDatabase } from './database.ts'

/**
 * Creates an empty database and a role that owns it. Both are dropped at the end of the test.
 * Needs a PostgreSQL server.
 */
export async function createDatabaseWithRole(t: Test) {
  const role = `sms_login_test_${randomBytes(8).toString('hex')}`
  const password = randomBytes(8).toString('hex')
  const admin = await createEmptyDatabase(t)
  const run = (sql: string) => admin.prisma.$executeRawUnsafe(sql)
  const url = new URL(admin.url ?? '')
  const database = url.pathname.slice(1)
  await run(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`)
  await run(`ALTER DATABASE ${database} OWNER TO ${role}`)
  t.teardown(async () => {
    await run(`ALTER DATABASE ${database} OWNER TO CURRENT_USER`)
    await run(`DROP OWNED BY ${role} CASCADE`)
    await run(`DROP ROLE ${role}`)
  })
  url.username = role
  url.password = password
  return { role, database, run, prisma: admin.prisma, url: url.href }
}
