import { databaseFailure } from './adapters/database-failure.ts'
import { openDatabase } from './adapters/database.ts'
import { migrate } from './adapters/migrations.ts'
import { loadConfig } from './config.ts'

// `npm run migrate`: brings the database that DATABASE_URL names to the shape this version expects.

let url = ''
try {
  url = loadConfig().databaseUrl
  const database = await openDatabase(url, { join: true })
  try {
    const applied = await migrate(database.engine)
    for (const name of applied) console.log(`applied ${name}`)
    if (applied.length === 0) console.log('nothing to apply')
  } finally {
    await database.close()
  }
} catch (error) {
  console.error(`migrate: ${databaseFailure(error, url)}`)
  process.exitCode = 1
}
