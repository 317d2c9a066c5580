import { openDatabase } from '../../src/adapters/database.ts'

// A process of its own that opens an embedded folder, writes a row, says so, and then closes or stays until it is killed.

const [folder, what] = process.argv.slice(2)
const { prisma, close } = await openDatabase(`pglite:${folder}`)
await prisma.$executeRawUnsafe('CREATE TABLE IF NOT EXISTS notes (body text)')
await prisma.$executeRawUnsafe("INSERT INTO notes VALUES ('from the owner')")
console.log('written')
if (what === 'close') await close()
