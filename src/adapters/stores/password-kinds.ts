import type { PrismaClient } from '../prisma/client.ts'

/** The number of users by the kind of their password digest (see `digestKind`). */
export async function countPasswordKinds(prisma: PrismaClient): Promise<Map<string, number>> {
  const kinds = await prisma.user.groupBy({ by: 'passwordKind', _count: true })
  return new Map(kinds.map(({ passwordKind, _count }) => [passwordKind, _count]))
}
