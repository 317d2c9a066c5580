import pg from 'pg'
import { createStatementCounter } from '../test/support/statement-counter.ts'
import { concurrency, cheapHash, type Bench } from './bench.ts'
import { expectOk, flow } from './client.ts'
import { forEach } from './loops.ts'

/** Milliseconds between two samples of pg_stat_activity. */
const sampleIntervalMs = 10

/**
 * Compares one instance with two that share a database and the server's core, with cheap hashes.
 * Any loss is due to contention between the two. Statements are counted on the connections.
 */
export async function measureInstances({
  sizes,
  phones,
  cheapDatabase,
  startServer,
  progress
}: Bench) {
  const database = await cheapDatabase()
  const env = {
    ARGON2_MEMORY_KIB: String(cheapHash.memoryKib),
    ARGON2_TIME: String(cheapHash.time)
  }
  const counter = await createStatementCounter(database.url)
  const servers = [await startServer(env, counter.url), await startServer(env, counter.url)]
  const monitor = new pg.Client({ connectionString: database.url })
  await monitor.connect()

  const run = async (count: number, instances: typeof servers) => {
    counter.take()
    const waits = watchLocks(monitor)
    const started = performance.now()
    let nth = 0
    await forEach(Array(count).fill(0), concurrency * 2, async () => {
      const { client } = instances[nth++ % instances.length] ?? servers[0] ?? fail()
      expectOk((await flow(client, phones, database.next())).verify)
    })
    const seconds = (performance.now() - started) / 1000
    const { samples, waiting, working } = await waits.stop()
    return {
      perSecond: count / seconds,
      statementsPerFlow: counter.take() / count,
      waitingForLocks: waiting / samples,
      working: working / samples
    }
  }

  progress('two instances on one database')
  await run(sizes.instanceFlows / 2, servers)
  const rounds = []
  for (let round = 0; round < sizes.instanceRounds; round++) {
    rounds.push({
      one: await run(sizes.instanceFlows, servers.slice(0, 1)),
      two: await run(sizes.instanceFlows, servers)
    })
  }
  await monitor.end()
  counter.close()
  for (const { stop } of servers) await stop()
  return rounds
}

const fail = () => {
  throw new Error('there is no instance')
}

/** Samples the state of all connections until it is stopped. */
function watchLocks(client: pg.Client) {
  const sampled = { samples: 0, waiting: 0, working: 0 }
  let sampling = Promise.resolve()
  const timer = setInterval(() => {
    sampling = sampling.then(async () => {
      const {
        rows: [row]
      } = await client.query(`
        SELECT
          count(*) FILTER (WHERE wait_event_type = 'Lock')::int AS waiting,
          count(*)::int AS working
        FROM pg_stat_activity
        WHERE datname = current_database()
          AND state = 'active'
          AND pid <> pg_backend_pid()`)
      sampled.samples++
      sampled.waiting += row.waiting
      sampled.working += row.working
    })
  }, sampleIntervalMs)
  return {
    async stop() {
      clearInterval(timer)
      await sampling
      return sampled
    }
  }
}
