import { monitorEventLoopDelay } from 'node:perf_hooks'
import { atOnce, type Bench } from './bench.ts'
import { expectOk, flow, type Answer, type Flow } from './client.ts'
import { closedLoop, forEach, openLoop } from './loops.ts'
import type { Person } from './people.ts'
import type { Server } from './server.ts'
import { times } from './statistics.ts'

/** Probes a second: enough for percentiles, too few to be a load. */
const probesPerSecond = 20
const settle = 1000

/**
 * What holds while more people log in than there is CPU for: they arrive at 1, 4 and 16 times the rate that the server can
 * do, and those who get in go on to verify. Beside them a few who are logged in already call /me and /refresh.
 */
export async function measureLoad (bench: Bench) {
  const server = await bench.startServer()
  bench.progress('flows, to warm up')
  await capacityOf(bench, server, bench.sizes.warmMs)
  const levels = []
  for (const multiple of bench.sizes.loads) {
    bench.progress(`logins at ${multiple} times the capacity`)
    const capacity = await capacityOf(bench, server)
    levels.push({ multiple, capacity, ...await level(bench, server, multiple * capacity, capacity), peakMemory: server.peakMemory() })
  }
  await server.stop()
  return { levels }
}

/** Flows a second, closed: just before the level it is for, as the machine's speed drifts. */
async function capacityOf ({ sizes, phones, database }: Bench, { client }: Server, ms = sizes.loadMs / 3) {
  const { perSecond } = await closedLoop(atOnce, { ms }, () => flow(client, phones, database.next()))
  return perSecond
}

async function level ({ sizes, phones, database }: Bench, { client }: Server, arrivals: number, capacity: number) {
  const ms = sizes.loadMs
  const sessions = await forEach(Array(atOnce).fill(0), atOnce, async () => {
    const person = database.next()
    return { person, ...expectOk((await flow(client, phones, person)).verify).body }
  })
  const clientDelay = monitorEventLoopDelay({ resolution: 5 })
  clientDelay.enable()
  const [flows, me, refresh] = await Promise.all([
    openLoop(arrivals, { ms, settle }, () => flow(client, phones, database.next())),
    openLoop(probesPerSecond, { ms, settle }, nth => {
      const { person, accessToken } = ofAll(sessions, nth)
      return client.me(person, accessToken)
    }),
    openLoop(probesPerSecond / 2, { ms, settle }, async nth => {
      // Each session's own newest token; the next turn comes long after the answer.
      const session = ofAll(sessions, nth)
      const answer = await client.refresh(session.person, session.refreshToken)
      if (answer.status === 200) Object.assign(session, answer.body)
      return answer
    })
  ])
  clientDelay.disable()

  const done = flows.results.filter(({ verify }) => verify?.status === 200)
  const busy = flows.results.filter(({ login }) => slugOf(login) === 'busy')
  return {
    arrivals,
    goodput: done.length / (ms - settle) * 1000 / capacity,
    outcomes: countBy(flows.results.map(outcomeOf)),
    login: times(done.map(({ login }) => login.ms)),
    busy: times(busy.map(({ login }) => login.ms)),
    verify: times(done.flatMap(({ verify }) => verify === undefined ? [] : [verify.ms])),
    refresh: times(refresh.begun.map(({ ms }) => ms)),
    me: times(me.begun.map(({ ms }) => ms)),
    probesRefused: [...me.begun, ...refresh.begun].filter(({ status }) => status !== 200).length,
    clientDelayP99: clientDelay.percentile(99) / 1e6
  }
}

type Session = { person: Person, accessToken?: string, refreshToken?: string }

function ofAll (sessions: Session[], nth: number): Session {
  const session = sessions[nth % sessions.length]
  if (session === undefined) throw new Error('nobody is logged in')
  return session
}

/** The stable name of a problem. */
const slugOf = ({ status, body }: Answer) => status === 200 ? 'ok' : body['type']?.split('/').at(-1) ?? 'no answer'

const outcomeOf = ({ login, verify }: Flow) => verify === undefined ? `login: ${slugOf(login)}` : `verify: ${slugOf(verify)}`

function countBy (names: string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
