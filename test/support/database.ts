import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import type { Test } from 'tap'
import {
  type Database,
  createDatabase,
  openDatabase
} from '../../src/adapters/postgres/database.ts'
import { createPglitePostgres } from '../../src/adapters/postgres/embedded-postgres.ts'
import { migrate } from '../../src/adapters/postgres/migrations.ts'

/** `url` is the URL for other processes; undefined if the database is in this process's memory. */
export type TestDatabase = Database & { url: string | undefined }

/** The server on which tests create their databases. Without one they use embedded databases. */
export const serverUrl = process.env['TEST_DATABASE_URL'] || undefined

/** The `skip` option of tests that need a PostgreSQL server. */
export const needsServer = serverUrl === undefined && 'needs a PostgreSQL server'

/** Creates a migrated database for this test only. It is dropped at the end of the test. */
export async function createTestDatabase(t: Test): Promise<TestDatabase> {
  const { url, database, drop } =
    serverUrl === undefined ? await embedded('migrated') : await onServer(serverUrl)
  let closed: Promise<void> | undefined
  const close = () => (closed ??= database.close())
  t.teardown(async () => {
    await close()
    await drop()
  })
  return { ...database, url, close }
}

/** Creates an empty database for this test only. It is dropped at the end of the test. */
export async function createEmptyDatabase(t: Test): Promise<TestDatabase> {
  if (serverUrl === undefined) {
    const { url, database } = await embedded('empty')
    t.teardown(database.close)
    return { ...database, url }
  }
  const name = randomName()
  await runOnServer(serverUrl, [`CREATE DATABASE ${name}`])
  const url = withDatabase(serverUrl, name)
  const database = await openDatabase(url)
  t.teardown(async () => {
    await database.close()
    await runOnServer(serverUrl, [`DROP DATABASE ${name} WITH (FORCE)`])
  })
  return { ...database, url }
}

async function embedded(content: Content) {
  return {
    url: undefined,
    database: createDatabase(createPglitePostgres(await openInMemory(content))),
    drop: async () => {}
  }
}

type Content = 'empty' | 'migrated'

/**
 * Creates an embedded database in memory from a dump, which is four times as fast as creating it
 * from nothing.
 */
export const openInMemory = async (content: Content) =>
  PGlite.create({ loadDataDir: new Blob([readFileSync(await dumpOf(content))]) })

/** Unpacks a migrated database into a folder for a server. */
export async function unpackDatabase(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Without output, because tar warns about the root entry of the dump.
  execFileSync('tar', ['-xf', await dumpOf('migrated'), '-C', folder], { stdio: 'ignore' })
  chmodSync(folder, 0o700)
}

/**
 * Creates an embedded database with a third of the usual files, because every test file loads all
 * of them.
 */
async function newPostgres(): Promise<PGlite> {
  const postgres = await PGlite.create({ initDbStartParams: ['--wal-segsize=1'] })
  await postgres.exec(
    'UPDATE pg_database SET datistemplate = false, datallowconn = true WHERE datistemplate'
  )
  for (const template of ['template0', 'template1'])
    await postgres.exec(`DROP DATABASE ${template}`)
  return postgres
}

/** Returns the path of the dump, which all test files and later runs share. */
async function dumpOf(content: Content): Promise<string> {
  const file = join(tmpdir(), `sms-login-test-${content}-${dumpHash()}.tar`)
  if (existsSync(file)) return file
  const postgres = content === 'empty' ? await newPostgres() : await openInMemory('empty')
  if (content === 'migrated') await migrate(createPglitePostgres(postgres))
  const dump = await postgres.dumpDataDir('none')
  // Written under another name first, because another test file may read it at the same time.
  writeFileSync(`${file}.${process.pid}`, Buffer.from(await dump.arrayBuffer()))
  renameSync(`${file}.${process.pid}`, file)
  await postgres.close()
  return file
}

async function onServer(server: string) {
  const template = `sms_login_template_${dumpHash()}`
  const name = randomName()
  const url = withDatabase(server, name)
  await runOnServer(server, [`CREATE DATABASE ${name} TEMPLATE ${template}`]).catch(async () => {
    await createTemplate(server, template)
    await runOnServer(server, [`CREATE DATABASE ${name} TEMPLATE ${template}`])
  })
  return {
    url,
    database: await openDatabase(url),
    drop: () => runOnServer(server, [`DROP DATABASE ${name} WITH (FORCE)`])
  }
}

/**
 * Creates the template under another name and renames it, so that only one of two concurrent test
 * files creates it and both can use it.
 */
async function createTemplate(server: string, template: string): Promise<void> {
  const name = randomName()
  await runOnServer(server, [`CREATE DATABASE ${name}`])
  const database = await openDatabase(withDatabase(server, name))
  await migrate(database.engine)
  await database.close()
  await runOnServer(server, [`ALTER DATABASE ${name} RENAME TO ${template}`]).catch(() =>
    runOnServer(server, [`DROP DATABASE ${name}`])
  )
}

async function runOnServer(server: string, statements: string[]): Promise<void> {
  const { prisma, close } = await openDatabase(server, { poolSize: 1 })
  try {
    for (const statement of statements) await prisma.$executeRawUnsafe(statement)
  } finally {
    await close()
  }
}

const randomName = () => `sms_login_test_${randomBytes(8).toString('hex')}`

function withDatabase(server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/** A hash of what a dump depends on: the migrations, the version of PGlite and this file. */
function dumpHash(): string {
  const root = new URL('../../', import.meta.url)
  const hash = createHash('sha256')
    .update(readFileSync(new URL('node_modules/@electric-sql/pglite/package.json', root)))
    .update(readFileSync(new URL(import.meta.url)))
  const migrations = new URL('prisma/migrations/', root)
  for (const name of readdirSync(migrations, { recursive: true, encoding: 'utf8' }).sort()) {
    hash.update(name)
    if (name.endsWith('.sql')) hash.update(readFileSync(new URL(name, migrations)))
  }
  return hash.digest('hex').slice(0, 16)
}
