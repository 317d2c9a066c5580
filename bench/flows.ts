import { availableParallelism } from 'node:os'
import { atOnce, type Bench } from './bench.ts'
import { expectOk, flow } from './client.ts'
import { closedLoop } from './loops.ts'
import { cpuOf, type Server } from './server.ts'
import { median, times } from './statistics.ts'

/**
 * Compares the rate of complete logins with that of raw hashes, in alternating slices, with
 * production's log and without a log.
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
      closedLoop(atOnce, { ms }, async () => {
        const { login, verify } = await flow(server.client, phones, database.next())
        return { login: expectOk(login).ms, verify: expectOk(verify).ms }
      })
    )
    return { perSecond: done.perSecond, cpu: cpu.all / done.total, results: done.results }
  }

  progress('flows, to warm up')
  for (const server of [logging, silent]) await slice(server, sizes.warmMs)
  const rounds = []
  const latencies = []
  let before = await rawSlice()
  for (let round = 1; round <= sizes.flowRounds; round++) {
    progress(`flows, ${round} of ${sizes.flowRounds}`)
    const loud = await slice(logging)
    const between = await rawSlice()
    const quiet = await slice(silent)
    const after = await rawSlice()
    // Compares a slice with the raw slices before and after it.
    const loudShare = loud.perSecond / ((before.perSecond + between.perSecond) / 2)
    const quietShare = quiet.perSecond / ((between.perSecond + after.perSecond) / 2)
    rounds.push({
      raw: between.perSecond,
      flows: loud.perSecond,
      silentFlows: quiet.perSecond,
      loudShare,
      quietShare,
      rawCpu: between.cpuPerHash,
      cpu: loud.cpu,
      silentCpu: quiet.cpu
    })
    latencies.push(...loud.results)
    before = after
  }
  const peakMemory = logging.peakMemory()
  await logging.stop()
  await silent.stop()

  return {
    rawPerSecond: median(rounds.map(({ raw }) => raw)),
    cpuPerHash: median(rounds.map(({ rawCpu }) => rawCpu)),
    flowsPerSecond: median(rounds.map(({ flows }) => flows)),
    shareOfRaw: median(rounds.map(({ loudShare }) => loudShare)),
    shareOfRawSilent: median(rounds.map(({ quietShare }) => quietShare)),
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
