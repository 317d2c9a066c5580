import t from 'tap'
import { createUserDirectory } from '../../src/adapters/stores/user-directory.ts'
import { repairPhones } from '../../src/adapters/stores/repair-phones.ts'
import { createTestDatabase } from '../support/database.ts'

const row = (username: string, phone: string | null) => ({
  username,
  usernameKey: username,
  passwordDigest: 'none',
  phone
})

t.test('only stored numbers that are not canonical are rewritten, on every page', async t => {
  const { prisma } = await createTestDatabase(t)
  const others = ['+447400123456', null, '+15550001111', 'no number']
  await prisma.user.createMany({
    data: [
      row('ada', '+4407400123456'),
      row('bob', '+49 (0) 151 12345678'),
      ...others.map((phone, n) => row(`other${n}`, phone)),
      ...Array.from({ length: 1200 }, (_, n) => row(`many${n}`, `+112025550${100 + (n % 100)}`))
    ]
  })
  t.equal(await repairPhones(prisma), 1202)
  const phones = await prisma.user.findMany({
    where: { NOT: { username: { startsWith: 'many' } } },
    orderBy: { username: 'asc' },
    select: { phone: true }
  })
  t.same(
    phones.map(({ phone }) => phone),
    ['+447400123456', '+4915112345678', ...others]
  )
  t.equal(await prisma.user.count({ where: { phone: { startsWith: '+11' } } }), 0)
  t.equal(await repairPhones(prisma), 0, 'a second run finds none')
})

t.test('a number that changes during the repair is not overwritten', async t => {
  const { prisma } = await createTestDatabase(t)
  await prisma.user.create({ data: row('ada', '+4407400123456') })
  const racing = prisma.$extends({
    query: {
      user: {
        async findMany({ args, query }) {
          const users = await query(args)
          await prisma.user.updateMany({ data: { phone: '+12025550143' } })
          return users
        }
      }
    }
  })
  t.equal(await repairPhones(racing as unknown as typeof prisma), 0)
  t.match(await prisma.user.findFirst(), { phone: '+12025550143' })
})

t.test('every caller adds and changes users with the canonical number', async t => {
  const { prisma } = await createTestDatabase(t)
  const users = createUserDirectory(prisma)
  await users.add({ username: 'ada', passwordDigest: 'none', phone: '+4407400123456' })
  t.match(await prisma.user.findFirst(), { phone: '+447400123456' })
  await users.change({ username: 'ada' }, { phone: '+49015112345678' }, new Date())
  t.match(await prisma.user.findFirst(), { phone: '+4915112345678' })
  await prisma.user.updateMany({ data: { phone: '+49015112345678' } })
  t.match(await users.find({ username: 'ada' }), { phone: '+4915112345678' })
})
