import { mkdir, writeFile } from 'node:fs/promises'
import { openDatabase } from '../src/adapters/database.ts'
import { migrate, schemaDifference } from '../src/adapters/migrations.ts'

// `npm run make-migration <verb_what>`: what prisma/schema.prisma asks for and the migrations don't give yet becomes the
// next migration. Needs no server and no network.

const [name, ...rest] = process.argv.slice(2)
if (name === undefined || rest.length > 0 || !/^[a-z]+(_[a-z0-9]+)+$/.test(name)) {
  console.error('usage: npm run make-migration <verb_what>, for example add_sessions')
  process.exit(2)
}

const database = await openDatabase('pglite:')
await migrate(database.engine)
const sql = await schemaDifference(database.engine)
await database.close()

if (sql === undefined) {
  console.log('prisma/schema.prisma asks for nothing new')
} else {
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  const folder = new URL(`migrations/${stamp}_${name}/`, import.meta.url)
  await mkdir(folder)
  await writeFile(new URL('migration.sql', folder), sql)
  console.log(`prisma/migrations/${stamp}_${name}/migration.sql`)
}
