import { monitorEventLoopDelay } from 'node:perf_hooks'
import { concurrency, type Bench } from './bench.ts'
import { expectOk, flow, type TimedResponse, type Flow } from './client.ts'
import { closedLoop, forEach, openLoop } from './loops.ts'
import type { BenchUser } from './users.ts'
import type { Server } from './server.ts'
import { times } from './statistics.ts'

/** Probes per second, enough for percentiles and too few to load the server. */
const probesPerSecond = 20
const settle = 1000

/**
 * Measures the server under overload. Users arrive at 1, 4 and 16 times its capacity, and those
 * whose login succeeds verify a code. Meanwhile a few users with sessions call /me and /refresh.
 */
export async function measureLoad(bench: Bench) {
  const server = await bench.startServer()
  bench.progress('flows (warm-up)')
  await capacityOf(bench, server, bench.sizes.warmMs)
  const levels = []
  for (const multiple of bench.sizes.loads) {
    bench.progress(`logins at ${multiple} times the capacity`)
    const capacity = await capacityOf(bench, server)
    levels.push({
      multiple,
      capacity,
      ...(await level(bench, server, multiple * capacity, capacity)),
      peakMemory: server.peakMemory()
    })
  }
  await server.stop()
  return { levels }
}

/** Measures flows per second in a closed loop, before each level, because the speed drifts. */
async function capacityOf(
  { sizes, phones, database }: Bench,
  { client }: Server,
  ms = sizes.loadMs / 3
) {
  const { perSecond } = await closedLoop(concurrency, { ms }, () =>
    flow(client, phones, database.next())
  )
  return perSecond
}

async function level(
  { sizes, phones, database }: Bench,
  { client }: Server,
  arrivals: number,
  capacity: number
) {
  const ms = sizes.loadMs
  const sessions = await forEach(Array(concurrency).fill(0), concurrency, async () => {
    const user = database.next()
    return { user, ...expectOk((await flow(client, phones, user)).verify).body }
  })
  const clientDelay = monitorEventLoopDelay({ resolution: 5 })
  clientDelay.enable()
  const [flows, me, refresh] = await Promise.all([
    openLoop(arrivals, { ms, settle }, () => flow(client, phones, database.next())),
    openLoop(probesPerSecond, { ms, settle }, nth => {
      const { user, accessToken } = sessionFor(sessions, nth)
      return client.me(user, accessToken)
    }),
    openLoop(probesPerSecond / 2, { ms, settle }, async nth => {
      // Uses each session's newest token. The session's next turn comes long after the response.
      const session = sessionFor(sessions, nth)
      const response = await client.refresh(session.user, session.refreshToken)
      if (response.status === 200) Object.assign(session, response.body)
      return response
    })
  ])
  clientDelay.disable()

  const done = flows.results.filter(({ verify }) => verify?.status === 200)
  const busy = flows.results.filter(({ login }) => slugOf(login) === 'busy')
  return {
    arrivals,
    goodput: ((done.length / (ms - settle)) * 1000) / capacity,
    outcomes: countBy(flows.results.map(outcomeOf)),
    login: times(done.map(({ login }) => login.ms)),
    busy: times(busy.map(({ login }) => login.ms)),
    verify: times(done.flatMap(({ verify }) => (verify === undefined ? [] : [verify.ms]))),
    refresh: times(refresh.started.map(({ ms }) => ms)),
    me: times(me.started.map(({ ms }) => ms)),
    probesRefused: [...me.started, ...refresh.started].filter(({ status }) => status !== 200)
      .length,
    clientDelayP99: clientDelay.percentile(99) / 1e6
  }
}

type Session = { user: BenchUser; accessToken?: string; refreshToken?: string }

function sessionFor(sessions: Session[], nth: number): Session {
  const session = sessions[nth % sessions.length]
  if (session === undefined) throw new Error('there is no session')
  return session
}

/** Returns the stable name of a problem. */
const slugOf = ({ status, body }: TimedResponse) =>
  status === 200 ? 'ok' : (body['type']?.split('/').at(-1) ?? 'no response')

const outcomeOf = ({ login, verify }: Flow) =>
  verify === undefined ? `login: ${slugOf(login)}` : `verify: ${slugOf(verify)}`

function countBy(names: string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
