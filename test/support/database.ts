import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import type { Test } from 'tap'
import { type Database, databaseOn, openDatabase } from '../../src/adapters/database.ts'
import { pglitePostgres } from '../../src/adapters/embedded-postgres.ts'
import { migrate } from '../../src/adapters/migrations.ts'

/** `url` is where other processes find the same database; undefined when it is in this one's memory. */
export type TestDatabase = Database & { url: string | undefined }

/** The server that tests may make databases on; undefined: they use embedded ones. */
export const serverUrl = process.env['TEST_DATABASE_URL'] || undefined

/** A migrated database of the test's own, gone at its end. */
export async function testDatabase (t: Test): Promise<TestDatabase> {
  const { url, database, drop } = serverUrl === undefined ? await embedded('migrated') : await onServer(serverUrl)
  let closed: Promise<void> | undefined
  const close = () => (closed ??= database.close())
  t.teardown(async () => {
    await close()
    await drop()
  })
  return { ...database, url, close }
}

/** An empty database of the test's own, gone at its end. */
export async function emptyDatabase (t: Test): Promise<TestDatabase> {
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

async function embedded (shape: Shape) {
  return { url: undefined, database: databaseOn(pglitePostgres(await inMemory(shape))), drop: async () => {} }
}

type Shape = 'empty' | 'migrated'

/** An embedded PostgreSQL that is gone with the process, read from a dump: to make one takes four times as long. */
export const inMemory = async (shape: Shape) => PGlite.create({ loadDataDir: new Blob([readFileSync(await dumpOf(shape))]) })

/** The same, migrated, in a folder for a server to start on. */
export async function unpackDatabase (folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  // From its root, which tar takes for the folder and says so.
  execFileSync('tar', ['-xf', await dumpOf('migrated'), '-C', folder], { stdio: 'ignore' })
}

/** With a third of the files that it would have otherwise, as each is read back for each test file. */
async function newPostgres (): Promise<PGlite> {
  const postgres = await PGlite.create({ initDbStartParams: ['--wal-segsize=1'] })
  await postgres.exec('UPDATE pg_database SET datistemplate = false, datallowconn = true WHERE datistemplate')
  for (const template of ['template0', 'template1']) await postgres.exec(`DROP DATABASE ${template}`)
  return postgres
}

/** Kept for all test files and all runs. */
async function dumpOf (shape: Shape): Promise<string> {
  const file = join(tmpdir(), `sms-login-test-${shape}-${shapeHash()}.tar`)
  if (existsSync(file)) return file
  const postgres = shape === 'empty' ? await newPostgres() : await inMemory('empty')
  if (shape === 'migrated') await migrate(pglitePostgres(postgres))
  const dump = await postgres.dumpDataDir('none')
  // Written beside and renamed: two test files may be doing this at once, and neither may read half of it.
  writeFileSync(`${file}.${process.pid}`, Buffer.from(await dump.arrayBuffer()))
  renameSync(`${file}.${process.pid}`, file)
  await postgres.close()
  return file
}

async function onServer (server: string) {
  const template = `sms_login_template_${shapeHash()}`
  const name = randomName()
  const url = withDatabase(server, name)
  await onAdmin(server, [`CREATE DATABASE ${name} TEMPLATE ${template}`]).catch(async () => {
    await makeTemplate(server, template)
    await onAdmin(server, [`CREATE DATABASE ${name} TEMPLATE ${template}`])
  })
  return { url, database: await openDatabase(url), drop: () => onAdmin(server, [`DROP DATABASE ${name} WITH (FORCE)`]) }
}

/** Made under another name and renamed: of two test files doing this at once, one succeeds and both have it. */
async function makeTemplate (server: string, template: string): Promise<void> {
  const name = randomName()
  await onAdmin(server, [`CREATE DATABASE ${name}`])
  const database = await openDatabase(withDatabase(server, name))
  await migrate(database.engine)
  await database.close()
  await onAdmin(server, [`ALTER DATABASE ${name} RENAME TO ${template}`]).catch(() => onAdmin(server, [`DROP DATABASE ${name}`]))
}

async function onAdmin (server: string, statements: string[]): Promise<void> {
  const { prisma, close } = await openDatabase(server, { poolSize: 1 })
  try {
    for (const statement of statements) await prisma.$executeRawUnsafe(statement)
  } finally {
    await close()
  }
}

const randomName = () => `sms_login_test_${randomBytes(8).toString('hex')}`

function withDatabase (server: string, name: string): string {
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}

/** Differs when the migrations differ, the PostgreSQL that wrote the dump, or what this file makes of it. */
function shapeHash (): string {
  const root = new URL('../../', import.meta.url)
  const hash = createHash('sha256').update(readFileSync(new URL('node_modules/@electric-sql/pglite/package.json', root))).update(readFileSync(new URL(import.meta.url)))
  const migrations = new URL('prisma/migrations/', root)
  for (const name of readdirSync(migrations, { recursive: true, encoding: 'utf8' }).sort()) {
    hash.update(name)
    if (name.endsWith('.sql')) hash.update(readFileSync(new URL(name, migrations)))
  }
  return hash.digest('hex').slice(0, 16)
}
