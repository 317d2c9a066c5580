import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from './bench.ts'
import { startServer } from './server.ts'
import { median } from './statistics.ts'

/**
 * Milliseconds from the start of the process to the first answer of /readyz: in production on a server's PostgreSQL, and
 * with nothing configured on the embedded one, whose first start makes it.
 */
export async function measureStarts (bench: Bench) {
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
