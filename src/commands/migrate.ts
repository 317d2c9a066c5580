import { databaseName } from '../adapters/postgres/database-name.ts'
import { failureLine } from '../adapters/postgres/classify-database-error.ts'
import { openDatabase } from '../adapters/postgres/database.ts'
import { migrate } from '../adapters/postgres/migrations.ts'
import { repairPhones } from '../adapters/stores/repair-phones.ts'
import { loadConfig } from '../config/config.ts'
import { print } from './print.ts'

// `npm run migrate`: applies pending migrations to the database that DATABASE_URL names.

let url = ''
try {
  const { databaseUrl, databaseIsNamed } = loadConfig()
  url = databaseUrl
  // Creates an embedded database only if DATABASE_URL names it. Without the server's environment
  // this command would create a database that no server uses.
  const database = await openDatabase(url, { join: true, create: databaseIsNamed })
  try {
    const applied = await migrate(database.engine)
    await print(applied.map(name => `applied ${name}`).join('\n') || 'nothing to apply')
    const repaired = await repairPhones(database.prisma)
    if (repaired > 0) await print(`rewrote ${repaired} phone numbers in canonical E.164 form`)
  } finally {
    await database.close()
  }
  console.error(`Database: ${databaseName(url)}`)
} catch (error) {
  console.error(`migrate: ${failureLine(error, url)}`)
  process.exitCode = 1
}
