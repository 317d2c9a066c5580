import { openDatabase } from '../../src/adapters/postgres/database.ts'

// A process that opens an embedded database, writes a row, prints that it has, and then closes it
// or waits to be killed.

const [folder, what] = process.argv.slice(2)
const { prisma, close } = await openDatabase(`pglite:${folder}`)
await prisma.$executeRawUnsafe('CREATE TABLE IF NOT EXISTS notes (body text)')
await prisma.$executeRawUnsafe("INSERT INTO notes VALUES ('from the owner')")
console.log('written')
if (what === 'close') await close()
