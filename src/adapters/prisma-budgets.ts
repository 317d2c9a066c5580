import { createHmac } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Budgets, Charge, Charged, Spending } from '../domain/budgets.ts'
import { deriveKey } from '../domain/derive-key.ts'
import { chargeSql, type Bill, type Wanted } from './charge-sql.ts'
import { Prisma, type PrismaClient } from './prisma/client.ts'

/** Milliseconds for which an exhausted budget is refused without asking the database: another instance may have freed it. */
const rememberedFor = 60_000

/** The budgets, for the rules and for the statements of other adapters. */
export type PrismaBudgets = Budgets & {
  /**
   * Charges all of these or none, like `spend`, in one statement with other work: `statement` is handed the clauses that charge
   * (see `chargeSql`), and yields one row of the columns of `Bill` and its own. Resolves to those of its own; to null where the
   * statement was not run, because a budget is known to have no room.
   */
  spendWith: <Row>(charges: readonly Charge[], now: Date, statement: Statement) => Promise<Charged<Row | null>>
}

type Statement = (charging: (due?: Prisma.Sql) => Prisma.Sql) => Prisma.Sql

/**
 * Budgets as counters in PostgreSQL: one statement, however many are charged; a second one when a budget has no room; and
 * none while that is remembered, so that a flood of requests is no flood of statements.
 * A name, number or address is stored only as a hash under a key from `secret`.
 */
export function prismaBudgets (prisma: PrismaClient, secret: Buffer): PrismaBudgets {
  const key = deriveKey(secret, 'budgets')
  const exhausted = new LRUCache<string, { until: Date, askAgain: Date }>({ max: 10_000 })
  // The same few names and addresses come up in every charge of a request.
  const hashes = new LRUCache<string, string>({ max: 10_000, memoMethod: text => createHmac('sha256', key).update(text).digest('base64url').slice(0, 22) })
  const hashOf = ([what, value]: [string, string]) => hashes.memo(`${what}\n${value}`)
  const keyOf = ({ budget, of }: Charge) => [budget, ...Object.entries(of).map(hashOf)].join(':')

  /** What is spent, or who has to wait, after a statement has charged what had room. */
  async function settle (wanted: Wanted[], { due, paid, spent }: Bill, now: Date): Promise<Spending> {
    if (!due) return { exhausted: null, spent: [] }
    for (const { key, cost } of wanted) if (cost < 0) exhausted.delete(key)
    if (paid) return { exhausted: null, spent: wanted.map(({ key }) => spent?.[key] ?? 0) }

    const hadRoom = ({ key }: Wanted) => spent !== null && key in spent
    const refused = wanted.filter(one => !hadRoom(one))
    const full = await takeBack(prisma, wanted.filter(one => one.cost > 0 && one.always === undefined && hadRoom(one)), refused, now)
    for (const { key, until } of full) exhausted.set(key, { until, askAgain: new Date(now.getTime() + rememberedFor) })
    // Of none that is full any more somebody was given back a share just now: the next one who asks may have it.
    return longest(refused.map(one => ({ one, until: full.find(({ key }) => key === one.key)?.until ?? new Date(now.getTime() + 1000) })))
  }

  const budgets: PrismaBudgets = {
    async spend (charges, now) {
      if (charges.length === 0) return { exhausted: null, spent: [] }
      const { spending } = await budgets.spendWith(charges, now, charging => Prisma.sql`WITH ${charging()} SELECT * FROM bill`)
      return spending
    },
    async spendWith<Row> (charges: readonly Charge[], now: Date, statement: Statement) {
      const wanted = charges.map(charge => ({ ...charge, key: keyOf(charge), cost: charge.cost ?? 1 }))
      const known = wanted.flatMap(one => {
        const refusal = one.cost >= 0 ? exhausted.get(one.key) : undefined
        return refusal !== undefined && refusal.until > now && refusal.askAgain > now ? [{ one, until: refusal.until }] : []
      })
      if (known.length > 0) {
        const allTheSame = wanted.filter(one => one.cost < 0 || (one.always && known.every(refusal => refusal.one !== one)))
        const spending = await budgets.spend(allTheSame, now)
        return { spending: longest(spending.exhausted === null ? known : [...known, { one: spending.exhausted, until: spending.until }]), result: null }
      }
      const whole = statement(due => chargeSql(wanted, now, due))
      const [row] = await prisma.$queryRaw<Bill[]>`${whole}`
      if (row === undefined) throw new Error('a statement that charges has yielded no bill')
      const { due, paid, spent, ...own } = row
      // The statement's own columns are for its author to know.
      return { spending: await settle(wanted, { due, paid, spent }, now), result: own as Row }
    },
    async clear (budgets, of) {
      const hashes = Object.entries(of).map(hashOf)
      await prisma.$executeRaw`
        DELETE FROM counters WHERE key IN (
          SELECT key FROM counters
          WHERE split_part(key, ':', 1) = ANY(${budgets}::text[]) AND string_to_array(key, ':') @> ${hashes}::text[]
          ORDER BY key FOR UPDATE
        )`
    }
  }
  return budgets
}

const longest = (refusals: { one: Charge, until: Date }[]) => {
  const { one, until } = refusals.reduce((a, b) => a.until > b.until ? a : b)
  return { exhausted: one, until }
}

/** Undoes the charges that had room, and resolves to those of the others that have none, and until when. */
async function takeBack (prisma: PrismaClient, charged: Wanted[], refused: Wanted[], now: Date): Promise<{ key: string, until: Date }[]> {
  return await prisma.$queryRaw`
    WITH charged AS (
      SELECT * FROM unnest(${charged.map(({ key }) => key)}::text[], ${charged.map(({ cost }) => cost)}::int[]) AS charged (key, cost)
    ), refused AS (
      SELECT * FROM unnest(${refused.map(({ key }) => key)}::text[], ${refused.map(({ cost, limit }) => limit - Math.max(cost, 1))}::int[]) AS refused (key, room)
    ), held AS (
      SELECT counters.key FROM counters JOIN charged USING (key) ORDER BY counters.key FOR UPDATE OF counters
    ), undone AS (
      UPDATE counters SET spent = greatest(spent - cost, 0) FROM held JOIN charged USING (key) WHERE counters.key = held.key
    )
    SELECT key, ends_at AS until FROM counters JOIN refused USING (key) WHERE spent > room AND ends_at > ${now}::timestamptz`
}
