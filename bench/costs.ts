import { atOnce, cheapHash, type Bench } from './bench.ts'
import { expectOk, type Answer } from './client.ts'
import { forEach } from './loops.ts'
import type { BenchUser } from './users.ts'
import { cpuOf, type Server } from './server.ts'
import { median, times } from './statistics.ts'

/**
 * Measures the server's CPU time for each kind of request. Its hashes are cheap, so the rest is the
 * service itself, and enough requests fit to warm it up. Requests run concurrently first, and then
 * one at a time to measure their latency at rest.
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
    login: async (user: BenchUser) => ({ user, answer: expectOk(await client.login(user)) }),
    verify: async ({ user, answer }: Pending) => ({
      user,
      answer: expectOk(
        await client.verify(user, answer.body['challengeToken'], phones.codeOf(user.phone))
      )
    }),
    refresh: async ({ user, answer }: Pending) => ({
      user,
      answer: expectOk(await client.refresh(user, answer.body['refreshToken']))
    }),
    me: async ({ user, answer }: Pending) => ({
      user,
      answer: expectOk(await client.me(user, answer.body['accessToken']))
    })
  }
  const ask = async (count: number, atOnce: number) => {
    const users = Array.from({ length: count }, database.next)
    const login = await perRequest(server, users, atOnce, kinds.login)
    const verify = await perRequest(server, login.answers, atOnce, kinds.verify)
    const refresh = await perRequest(server, verify.answers, atOnce, kinds.refresh)
    return {
      login,
      verify,
      refresh,
      me: await perRequest(server, refresh.answers, atOnce, kinds.me)
    }
  }

  const rounds = []
  const hashes = []
  for (let round = 0; round <= sizes.costRounds; round++) {
    progress(
      round === 0 ? 'requests, to warm up' : `cost of a request, ${round} of ${sizes.costRounds}`
    )
    rounds.push(await ask(sizes.costRequests, atOnce))
    hashes.push((await rawSlice(database.digest)).cpuPerHash)
  }
  const alone = await ask(sizes.costAlone, 1)
  await server.stop()

  const [, ...warm] = rounds
  const cpuOfHash = median(hashes)
  const costOf = (kind: keyof typeof kinds) => ({
    cpu: median(warm.map(round => round[kind].cpu.all)),
    cpuOfEventLoop: median(warm.map(round => round[kind].cpu.loop)),
    atRest: times(alone[kind].answers.map(({ answer }) => answer.ms))
  })
  const login = costOf('login')
  return {
    login: { ...login, cpuOfHash, cpuBeyondHash: login.cpu - cpuOfHash },
    verify: costOf('verify'),
    refresh: costOf('refresh'),
    me: costOf('me')
  }
}

/** A user with the last response. */
type Pending = { user: BenchUser; answer: Answer }

async function perRequest<I>(
  server: Server,
  of: readonly I[],
  atOnce: number,
  request: (one: I) => Promise<Pending>
) {
  const { cpu, done } = await cpuOf(server, () => forEach(of, atOnce, request))
  return { cpu: { all: cpu.all / of.length, loop: cpu.loop / of.length }, answers: done }
}
