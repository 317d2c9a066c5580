import { mkdir, writeFile } from 'node:fs/promises'
import { openDatabase } from '../src/adapters/postgres/database.ts'
import { migrate, schemaDifference } from '../src/adapters/postgres/migrations.ts'

// `npm run migrate:new <verb_what>`: writes the next migration, with the difference between
// prisma/schema.prisma and the existing migrations. Needs neither a server nor a network.

const [name, ...rest] = process.argv.slice(2)
if (name === undefined || rest.length > 0 || !/^[a-z]+(_[a-z0-9]+)+$/.test(name)) {
  console.error('Usage: npm run migrate:new <verb_what>, for example add_sessions')
  process.exit(2)
}

const database = await openDatabase('pglite:')
await migrate(database.engine)
const sql = await schemaDifference(database.engine)
await database.close()

if (sql === undefined) {
  console.log('prisma/schema.prisma and the migrations do not differ')
} else {
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  const folder = new URL(`migrations/${stamp}_${name}/`, import.meta.url)
  await mkdir(folder)
  await writeFile(new URL('migration.sql', folder), sql)
  console.log(`prisma/migrations/${stamp}_${name}/migration.sql`)
}
