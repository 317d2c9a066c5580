import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { insertUsers, usersInTurn, type BenchUser } from './users.ts'

/** A database of the benchmark. `next` returns a user who hasn't logged in yet. */
export type BenchDatabase = {
  url: string
  count: number
  digest: string
  next: () => BenchUser
  drop: () => Promise<void>
}

/** Creates a migrated database with `count` users, and vacuums and analyzes it. */
export async function createBenchDatabase(
  server: string,
  count: number,
  digest: string
): Promise<BenchDatabase> {
  const name = `sms_login_bench_${randomBytes(6).toString('hex')}`
  await run(server, [[`CREATE DATABASE ${name}`]])
  const url = new URL(server)
  url.pathname = `/${name}`
  const drop = () => run(server, [[`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`]])
  try {
    await promisify(execFile)(
      process.execPath,
      [join(import.meta.dirname, '../dist/commands/migrate.js')],
      {
        cwd: '/',
        env: { DATABASE_URL: url.href }
      }
    )
    await run(url.href, [
      [insertUsers(count), [digest]],
      ['VACUUM ANALYZE'],
      ['CHECKPOINT', [], 'may fail']
    ])
  } catch (error) {
    await drop().catch(() => {})
    throw error
  }
  return { url: url.href, count, digest, next: usersInTurn(count), drop }
}

async function run(
  url: string,
  statements: [sql: string, values?: unknown[], failure?: 'may fail'][]
) {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  await client.connect()
  try {
    for (const [sql, values, failure] of statements)
      await client.query(sql, values).catch(error => {
        if (failure === undefined) throw error
      })
  } finally {
    await client.end()
  }
}
