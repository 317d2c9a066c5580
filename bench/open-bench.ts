import { availableParallelism } from 'node:os'
import argon2 from 'argon2'
import { readConfig } from '../src/config/config.ts'
import { atOnce, cheapHash, fewUsers, type Bench, type Sizes } from './bench.ts'
import type { Cores } from './cores.ts'
import { makeDatabase, type BenchDatabase } from './database.ts'
import { startOnCore } from './on-core.ts'
import { password } from './users.ts'
import { startPhones } from './phones.ts'
import type { PostgresServer } from './postgres.ts'
import type { RawRate, RawSlice } from './raw-hashes.ts'
import { startProduction, tuning } from './server.ts'

type Given = {
  sizes: Sizes
  cores: Cores
  folder: string
  postgres: PostgresServer
  progress: (doing: string) => void
}

/** Creates what the measurements need. `atEnd` receives a function that removes each part. */
export async function openBench(
  { sizes, cores, folder, postgres, progress }: Given,
  atEnd: (undo: () => Promise<void>) => void
): Promise<Bench> {
  const { memoryKib, time, concurrency } = readConfig(tuning).argon2
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
    const database = await makeDatabase(postgres.url, count, digest)
    atEnd(database.drop)
    return database
  }
  const database = await databaseOf(sizes.users, digest)
  let small: Promise<BenchDatabase> | undefined
  let cheap: Promise<BenchDatabase> | undefined

  const phones = await startPhones()
  atEnd(phones.close)

  // Raw hashes run with the server's default concurrency, and with `atOnce` if that is faster.
  const likeServer =
    'ARGON2_CONCURRENCY' in tuning || cores.server === null
      ? Math.min(concurrency, availableParallelism())
      : 1
  const raw = startOnCore(cores, 'raw-hashes.ts', { UV_THREADPOOL_SIZE: String(atOnce) })
  atEnd(raw.stop)
  const rawAt = (atOnce: number, digest: string) =>
    raw.ask<RawRate>({ digest, password, atOnce, ms: sizes.rawMs } satisfies RawSlice)

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
      const few = await rawAt(likeServer, of)
      const all = await rawAt(atOnce, of)
      return all.perSecond > few.perSecond ? all : few
    },
    progress
  }
}

/** The number of users who log in with cheap hashes, over all measurements. */
const cheapUsers = ({
  costRounds,
  costRequests,
  costAlone,
  instanceFlows,
  instanceRounds
}: Sizes) => (costRounds + 1) * costRequests + costAlone + (2 * instanceRounds + 1) * instanceFlows
