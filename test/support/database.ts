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

/** `url` is the address for other processes; undefined when the database is in this one's memory.
 */
export type TestDatabase = Database & { url: string | undefined }

/** The server on which tests create their databases. Without one they use embedded databases. */
export const serverUrl = process.env['TEST_DATABASE_URL'] || undefined

/** The `skip` option of tests that need a PostgreSQL server. */
export const needsServer = serverUrl === undefined && 'needs a PostgreSQL server'

/** A migrated database for this test only, dropped at its end. */
export async function testDatabase(t: Test): Promise<TestDatabase> {
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

/** An empty database for this test only, dropped at its end. */
export async function emptyDatabase(t: Test): Promise<TestDatabase> {
  if (serverUrl === undefined) {
    const { url, database } = await embedded('empty')
    t.teardown(database.close)
    return { ...database, url }
  }
  const name = randomName()
  await onAdmin(serverUrl, [`CREATE DATABASE ${name}`])
  const url = withDatabase(serverUrl, name)
  const database = await openDatabase(url)
  t.teardown(async () => {
    await database.close()
    await onAdmin(serverUrl, [`DROP DATABASE ${name} WITH (FORCE)`])
  })
  return { ...database, url }
}

async function embedded(shape: Shape) {
  return {
    url: undefined,
    database: createDatabase(createPglitePostgres(await inMemory(shape))),
    drop: async () => {}
  }
}

type Shape = 'empty' | 'migrated'

/**
 * An embedded PostgreSQL in memory, loaded from a dump, which is four times as fast as creating
 * one.
 */
export const inMemory = async (shape: Shape) =>
  PGlite.create({ loadDataDir: new Blob([readFileSync(await dumpOf(shape))]) })

/** Unpacks a migrated database into a folder for a server. */
export async function unpackDatabase(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Without output, because tar warns about the root entry of the dump.
  execFileSync('tar', ['-xf', await dumpOf('migrated'), '-C', folder], { stdio: 'ignore' })
  chmodSync(folder, 0o700)
}

/**
 * Creates an embedded PostgreSQL with a third of the usual files, because every test file loads all
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

/** The file of the dump, which all test files and later runs share. */
async function dumpOf(shape: Shape): Promise<string> {
  const file = join(tmpdir(), `sms-login-test-${shape}-${shapeHash()}.tar`)
  if (existsSync(file)) return file
  const postgres = shape === 'empty' ? await newPostgres() : await inMemory('empty')
  if (shape === 'migrated') await migrate(createPglitePostgres(postgres))
  const dump = await postgres.dumpDataDir('none')
  // Written under another name first, because another test file may read it at the same time.
  writeFileSync(`${file}.${process.pid}`, Buffer.from(await dump.arrayBuffer()))
  renameSync(`${file}.${process.pid}`, file)
  await postgres.close()
  return file
}

async function onServer(server: string) {
  const template = `sms_login_template_${shapeHash()}`
  const name = randomName()
  const url = withDatabase(server, name)
  await onAdmin(server, [`CREATE DATABASE ${name} TEMPLATE ${template}`]).catch(async () => {
    await makeTemplate(server, template)
    await onAdmin(server, [`CREATE DATABASE ${name} TEMPLATE ${template}`])
  })
  return {
    url,
    database: await openDatabase(url),
    drop: () => onAdmin(server, [`DROP DATABASE ${name} WITH (FORCE)`])
  }
}

/**
 * Creates the template under another name and renames it, so that one of two concurrent test files
 * succeeds and both can use it.
 */
async function makeTemplate(server: string, template: string): Promise<void> {
  const name = randomName()
  await onAdmin(server, [`CREATE DATABASE ${name}`])
  const database = await openDatabase(withDatabase(server, name))
  await migrate(database.engine)
  await database.close()
  await onAdmin(server, [`ALTER DATABASE ${name} RENAME TO ${template}`]).catch(() =>
    onAdmin(server, [`DROP DATABASE ${name}`])
  )
}

async function onAdmin(server: string, statements: string[]): Promise<void> {
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

/** A hash of the migrations, the version of PostgreSQL and this file, which shape a database.
 */
function shapeHash(): string {
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
