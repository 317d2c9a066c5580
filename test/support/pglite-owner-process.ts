import { openDatabase } from '../../src/adapters/postgres/database.ts'

// This process opens an embedded database, writes a row and prints a line. Then it closes the
// database or waits to be killed.

const [folder, action] = process.argv.slice(2)
const { prisma, close } = await openDatabase(`pglite:${folder}`)
await prisma.$executeRawUnsafe('CREATE TABLE IF NOT EXISTS notes (body text)')
await prisma.$executeRawUnsafe("INSERT INTO notes VALUES ('from the owner')")
console.log('written')
if (action === 'close') await close()
