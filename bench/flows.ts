import { availableParallelism } from 'node:os'
import { concurrency, type Bench } from './bench.ts'
import { expectOk, flow } from './client.ts'
import { closedLoop } from './loops.ts'
import { cpuOf, type Server } from './server.ts'
import { median, times } from './statistics.ts'

/**
 * Compares the rate of complete logins with the rate of raw hashes, in alternating slices. One
 * server has production's log and one has none.
 */
export async function measureFlows({
  sizes,
  cores,
  database,
  phones,
  startServer,
  rawSlice,
  progress
}: Bench) {
  const logging = await startServer()
  const silent = await startServer({ LOG_LEVEL: 'silent' })
  const slice = async (server: Server, ms = sizes.flowMs) => {
    const { cpu, done } = await cpuOf(server, () =>
      closedLoop(concurrency, { ms }, async () => {
        const { login, verify } = await flow(server.client, phones, database.next())
        return { login: expectOk(login).ms, verify: expectOk(verify).ms }
      })
    )
    return { perSecond: done.perSecond, cpu: cpu.all / done.total, results: done.results }
  }

  progress('flows (warm-up)')
  for (const server of [logging, silent]) await slice(server, sizes.warmMs)
  const rounds = []
  const latencies = []
  let before = await rawSlice()
  for (let round = 1; round <= sizes.flowRounds; round++) {
    progress(`flows, ${round} of ${sizes.flowRounds}`)
    const logged = await slice(logging)
    const between = await rawSlice()
    const unlogged = await slice(silent)
    const after = await rawSlice()
    // Compares a slice with the raw slices before and after it.
    const loggedShare = logged.perSecond / ((before.perSecond + between.perSecond) / 2)
    const unloggedShare = unlogged.perSecond / ((between.perSecond + after.perSecond) / 2)
    rounds.push({
      raw: between.perSecond,
      flows: logged.perSecond,
      silentFlows: unlogged.perSecond,
      loggedShare,
      unloggedShare,
      rawCpu: between.cpuPerHash,
      cpu: logged.cpu,
      silentCpu: unlogged.cpu
    })
    latencies.push(...logged.results)
    before = after
  }
  const peakMemory = logging.peakMemory()
  await logging.stop()
  await silent.stop()

  return {
    rawPerSecond: median(rounds.map(({ raw }) => raw)),
    cpuPerHash: median(rounds.map(({ rawCpu }) => rawCpu)),
    flowsPerSecond: median(rounds.map(({ flows }) => flows)),
    shareOfRaw: median(rounds.map(({ loggedShare }) => loggedShare)),
    shareOfRawSilent: median(rounds.map(({ unloggedShare }) => unloggedShare)),
    /** CPU time, which other programs on the machine don't affect. */
    cpuPerFlow: median(rounds.map(({ cpu }) => cpu)),
    hashShareOfCpu: median(rounds.map(({ rawCpu, cpu }) => rawCpu / cpu)),
    cpuOfLogging: median(rounds.map(({ cpu, silentCpu }) => cpu - silentCpu)),
    /** The share of the cores that the raw hashes got. Other programs used the rest. */
    cpuGranted:
      median(rounds.map(({ raw, rawCpu }) => (raw * rawCpu) / 1000)) /
      (cores.server === null ? availableParallelism() : 1),
    login: times(latencies.map(({ login }) => login)),
    verify: times(latencies.map(({ verify }) => verify)),
    peakMemory,
    rounds
  }
}
