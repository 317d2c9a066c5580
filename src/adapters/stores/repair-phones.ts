import { setTimeout } from 'node:timers/promises'
import { canonicalPhone } from '../sms/libphonenumber-phones.ts'
import type { PrismaClient } from '../prisma/client.ts'

const pageSize = 500

/**
 * Rewrites stored phone numbers to canonical form and returns how many it changed. Earlier versions
 * stored a number as the operator typed it.
 *
 * A server runs this while it handles requests. Parsing a page takes 10 to 20 ms, and the next page
 * starts `pauseMs` milliseconds later. Stops without an error when `signal` is aborted.
 */
export async function repairPhones(
  prisma: PrismaClient,
  { pauseMs = 0, signal }: { pauseMs?: number; signal?: AbortSignal } = {}
): Promise<number> {
  let repaired = 0
  let last = '00000000-0000-0000-0000-000000000000'
  while (signal?.aborted !== true) {
    const users = await prisma.user.findMany({
      where: { id: { gt: last } },
      orderBy: { id: 'asc' },
      take: pageSize,
      select: { id: true, phone: true }
    })
    const wrong = users.filter(({ phone }) => canonicalPhone(phone) !== phone)
    if (wrong.length > 0) repaired += await rewritePhones(prisma, wrong)
    last = users.at(-1)?.id ?? last
    if (users.length < pageSize) break
    if (pauseMs > 0) await setTimeout(pauseMs, undefined, { ref: false })
  }
  return repaired
}

/**
 * Stores these users' numbers in canonical form. Skips a number that the operator has changed since
 * it was read.
 */
export const rewritePhones = (
  prisma: PrismaClient,
  users: { id: string; phone: string | null }[]
) =>
  prisma.$executeRaw`
    UPDATE users
    SET phone = repair.canonical
    FROM unnest(
      ${users.map(({ id }) => id)}::uuid[],
      ${users.map(({ phone }) => phone)}::text[],
      ${users.map(({ phone }) => canonicalPhone(phone))}::text[]
    ) AS repair (id, phone, canonical)
    WHERE users.id = repair.id
      AND users.phone = repair.phone`
