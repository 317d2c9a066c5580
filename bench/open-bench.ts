import { availableParallelism } from 'node:os'
import argon2 from 'argon2'
import { readConfig } from '../src/config/config.ts'
import { concurrency, cheapHash, fewUsers, type Bench, type Sizes } from './bench.ts'
import type { Cores } from './cores.ts'
import { createBenchDatabase, type BenchDatabase } from './database.ts'
import { startOnCore } from './on-core.ts'
import { password } from './users.ts'
import { startPhones } from './phones.ts'
import type { PostgresServer } from './postgres.ts'
import type { RawRate, RawSlice } from './raw-hashes.ts'
import { startProduction, tuning } from './server.ts'

type Options = {
  sizes: Sizes
  cores: Cores
  folder: string
  postgres: PostgresServer
  progress: (step: string) => void
}

/** Creates what the measurements need. Passes a function that removes each part to `atEnd`. */
export async function openBench(
  { sizes, cores, folder, postgres, progress }: Options,
  atEnd: (undo: () => Promise<void>) => void
): Promise<Bench> {
  const { memoryKib, time, concurrency: configured } = readConfig(tuning).argon2
  const digestAt = ({ memoryKib, time }: typeof cheapHash) =>
    argon2.hash(password, {
      type: argon2.argon2id,
      memoryCost: memoryKib,
      timeCost: time,
      parallelism: 1
    })
  const digest = await digestAt({ memoryKib, time })

  const databaseOf = async (count: number, digest: string) => {
    progress(`a database of ${count.toLocaleString('en')} users`)
    const database = await createBenchDatabase(postgres.url, count, digest)
    atEnd(database.drop)
    return database
  }
  const database = await databaseOf(sizes.users, digest)
  let small: Promise<BenchDatabase> | undefined
  let cheap: Promise<BenchDatabase> | undefined

  const phones = await startPhones()
  atEnd(phones.close)

  // Raw hashes run with the server's default concurrency, or with that of flows if it is faster.
  const serverConcurrency =
    'ARGON2_CONCURRENCY' in tuning || cores.server === null
      ? Math.min(configured, availableParallelism())
      : 1
  const raw = startOnCore(cores, 'raw-hashes.ts', { UV_THREADPOOL_SIZE: String(concurrency) })
  atEnd(raw.stop)
  const rawAt = (concurrency: number, digest: string) =>
    raw.request<RawRate>({ digest, password, concurrency, ms: sizes.rawMs } satisfies RawSlice)

  return {
    sizes,
    cores,
    folder,
    database,
    smallDatabase: () => (small ??= databaseOf(fewUsers, digest)),
    cheapDatabase: () =>
      (cheap ??= digestAt(cheapHash).then(digest => databaseOf(cheapUsers(sizes), digest))),
    phones,
    async startServer(env = {}, url = database.url) {
      const server = await startProduction({ cores, folder, env }, url, phones.url)
      atEnd(server.stop)
      return server
    },
    async rawSlice(of = digest) {
      const asServer = await rawAt(serverConcurrency, of)
      const asFlows = await rawAt(concurrency, of)
      return asFlows.perSecond > asServer.perSecond ? asFlows : asServer
    },
    progress
  }
}

/** The number of users who log in with cheap hashes in all measurements. */
const cheapUsers = ({
  costRounds,
  costRequests,
  costAlone,
  instanceFlows,
  instanceRounds
}: Sizes) => (costRounds + 1) * costRequests + costAlone + (2 * instanceRounds + 1) * instanceFlows
