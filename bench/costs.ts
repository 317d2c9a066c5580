import { concurrency, cheapHash, type Bench } from './bench.ts'
import { expectOk, type TimedResponse } from './client.ts'
import { forEach } from './loops.ts'
import type { BenchUser } from './users.ts'
import { cpuOf, type Server } from './server.ts'
import { median, times } from './statistics.ts'

/**
 * Measures the server's CPU time for each kind of request. Hashes are cheap, so that the service
 * itself dominates and many requests warm it up. Requests run concurrently first and then one at a
 * time, to measure their latency at rest.
 */
export async function measureCosts({
  sizes,
  phones,
  cheapDatabase,
  startServer,
  rawSlice,
  progress
}: Bench) {
  const database = await cheapDatabase()
  const server = await startServer(
    { ARGON2_MEMORY_KIB: String(cheapHash.memoryKib), ARGON2_TIME: String(cheapHash.time) },
    database.url
  )
  const { client } = server
  const kinds = {
    login: async (user: BenchUser) => ({ user, response: expectOk(await client.login(user)) }),
    verify: async ({ user, response }: Pending) => ({
      user,
      response: expectOk(
        await client.verify(user, response.body['challengeToken'], phones.codeOf(user.phone))
      )
    }),
    refresh: async ({ user, response }: Pending) => ({
      user,
      response: expectOk(await client.refresh(user, response.body['refreshToken']))
    }),
    me: async ({ user, response }: Pending) => ({
      user,
      response: expectOk(await client.me(user, response.body['accessToken']))
    })
  }
  const runAll = async (count: number, concurrency: number) => {
    const users = Array.from({ length: count }, database.next)
    const login = await perRequest(server, users, concurrency, kinds.login)
    const verify = await perRequest(server, login.responses, concurrency, kinds.verify)
    const refresh = await perRequest(server, verify.responses, concurrency, kinds.refresh)
    return {
      login,
      verify,
      refresh,
      me: await perRequest(server, refresh.responses, concurrency, kinds.me)
    }
  }

  const rounds = []
  const hashes = []
  for (let round = 0; round <= sizes.costRounds; round++) {
    progress(
      round === 0 ? 'requests (warm-up)' : `cost of a request, ${round} of ${sizes.costRounds}`
    )
    rounds.push(await runAll(sizes.costRequests, concurrency))
    hashes.push((await rawSlice(database.digest)).cpuPerHash)
  }
  const alone = await runAll(sizes.costAlone, 1)
  await server.stop()

  const [, ...warm] = rounds
  const cpuOfHash = median(hashes)
  const costOf = (kind: keyof typeof kinds) => ({
    cpu: median(warm.map(round => round[kind].cpu.all)),
    cpuOfEventLoop: median(warm.map(round => round[kind].cpu.loop)),
    atRest: times(alone[kind].responses.map(({ response }) => response.ms))
  })
  const login = costOf('login')
  return {
    login: { ...login, cpuOfHash, cpuBeyondHash: login.cpu - cpuOfHash },
    verify: costOf('verify'),
    refresh: costOf('refresh'),
    me: costOf('me')
  }
}

/** A user with the last response to them. */
type Pending = { user: BenchUser; response: TimedResponse }

async function perRequest<I>(
  server: Server,
  items: readonly I[],
  concurrency: number,
  request: (item: I) => Promise<Pending>
) {
  const { cpu, done } = await cpuOf(server, () => forEach(items, concurrency, request))
  return { cpu: { all: cpu.all / items.length, loop: cpu.loop / items.length }, responses: done }
}
