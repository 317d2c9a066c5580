import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from './bench.ts'
import { startServer } from './server.ts'
import { median } from './statistics.ts'

/**
 * Measures the milliseconds from the start of the process to the first response of /readyz. One
 * server runs in production with PostgreSQL. Another has no configuration and an embedded database,
 * which its first start creates.
 */
export async function measureStarts(bench: Bench) {
  const { sizes, folder, cores, progress } = bench
  progress('starts')
  const production = []
  for (let nth = 0; nth < sizes.starts; nth++) {
    const server = await bench.startServer()
    production.push(server.startedIn)
    await server.stop()
  }
  const embedded = []
  const home = mkdtempSync(join(folder, 'embedded-'))
  for (let nth = 0; nth <= sizes.starts; nth++) {
    const server = await startServer({ cores, folder: home, env: {} })
    embedded.push(server.startedIn)
    await server.stop()
  }
  const [first = NaN, ...later] = embedded
  return { production: median(production), embeddedFirst: first, embeddedLater: median(later) }
}
