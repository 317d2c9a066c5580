import type { Bench } from './bench.ts'
import { expectOk, flow } from './client.ts'
import type { BenchDatabase } from './database.ts'
import { forEach } from './loops.ts'
import type { Server } from './server.ts'
import { countStatements } from './statements.ts'
import { times } from './statistics.ts'

/**
 * Compares the latency and the statements of logins in a large and in a small database. Runs one
 * login at a time, in alternating slices.
 */
export async function measureGrowth(bench: Bench) {
  const { sizes, phones, database, smallDatabase, startServer, progress } = bench
  const sides = []
  for (const side of [await smallDatabase(), database]) {
    const statements = await countStatements(bench, side)
    sides.push({
      database: side,
      server: await startServer({}, side.url),
      statements,
      login: [] as number[],
      verify: [] as number[]
    })
  }
  const slice = ({ client }: Server, { next }: BenchDatabase, flows: number) =>
    forEach(Array(flows).fill(0), 1, async () => {
      const { login, verify } = await flow(client, phones, next())
      return { login: expectOk(login).ms, verify: expectOk(verify).ms }
    })

  for (const { server, database } of sides) await slice(server, database, 15)
  for (let round = 1; round <= sizes.growthRounds; round++) {
    progress(`few and many users, ${round} of ${sizes.growthRounds}`)
    for (const { server, database, login, verify } of sides) {
      const done = await slice(server, database, sizes.growthFlows)
      login.push(...done.map(({ login }) => login))
      verify.push(...done.map(({ verify }) => verify))
    }
  }
  for (const { server } of sides) await server.stop()
  return sides.map(({ database, statements, login, verify }) => ({
    users: database.count,
    statements,
    login: times(login),
    verify: times(verify)
  }))
}
