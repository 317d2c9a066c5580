import type { PhoneChanges } from '../../domain/account/phone-changes.ts'
import type { SessionRef } from '../../domain/sessions/session.ts'
import { classifyDatabaseError } from '../postgres/classify-database-error.ts'
import { Prisma, type PrismaClient } from '../prisma/client.ts'
import { changeAccount } from './change-account.ts'
import { lockoutColumns } from './columns.ts'
import { unmarkUndeliverable } from './undeliverable-marks.ts'

/** Changes of phone numbers in PostgreSQL. */
export const createPhoneChangeStore = (prisma: PrismaClient): PhoneChanges => ({
  async complete({ id, codeHash, newPhone }, { phone }, session, now) {
    if (newPhone === null) return null
    const { failures, lockedUntil } = lockoutColumns['phone-change']
    const ended = await changeAccount(
      prisma,
      session,
      {
        set: Prisma.sql`
          phone = ${newPhone},
          phone_changed_at = ${now}::timestamptz,
          ${failures} = 0,
          ${lockedUntil} = NULL`,
        ifUser: Prisma.sql`phone IS NOT DISTINCT FROM ${phone}`,
        ifChallenges: Prisma.sql`bool_or(id = ${id} AND code_hash = ${codeHash})`,
        // Who has entered the code has received a message at the new number.
        also: unmarkUndeliverable(Prisma.sql`
          SELECT phone_key
          FROM challenges
          JOIN confirmed USING (user_id)
          WHERE challenges.id = ${id}`)
      },
      now
    ).catch(error => findLostChange(prisma, error, { id, newPhone, now }))
    return ended && { newPhone, ended }
  }
})

/**
 * After the connection broke or the server did not answer: no sessions if the change of this call
 * was committed. Otherwise throws the error.
 */
async function findLostChange(
  prisma: PrismaClient,
  error: unknown,
  { id, newPhone, now }: { id: string; newPhone: string; now: Date }
): Promise<SessionRef[]> {
  if (classifyDatabaseError(error, '') === undefined) throw error
  const stored = await prisma.challenge
    .findUnique({ where: { id, consumedAt: now }, include: { user: true } })
    .catch(() => null)
  if (stored?.user.phone !== newPhone) throw error
  return []
}
