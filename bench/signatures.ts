import type { Bench } from './bench.ts'
import { startOnCore } from './on-core.ts'
import type { SigningCost, SigningSlice } from './signing.ts'
import { median } from './statistics.ts'

const algorithms = ['ES256', 'EdDSA', 'RS256'] as const

/** Measures the microseconds to sign and verify an access token with each kind of key. */
export async function measureSignatures({ cores, sizes, progress }: Bench) {
  const signing = startOnCore(cores, 'signing.ts')
  const slices: Record<(typeof algorithms)[number], SigningCost[]> = {
    ES256: [],
    EdDSA: [],
    RS256: []
  }
  for (let round = 1; round <= 3; round++) {
    progress(`signatures, ${round} of 3`)
    for (const algorithm of algorithms)
      slices[algorithm].push(
        await signing.request({ algorithm, ms: sizes.signMs } satisfies SigningSlice)
      )
  }
  await signing.stop()
  const cost = (of: SigningCost[]): SigningCost => ({
    sign: median(of.map(({ sign }) => sign)),
    verify: median(of.map(({ verify }) => verify))
  })
  return { ES256: cost(slices.ES256), EdDSA: cost(slices.EdDSA), RS256: cost(slices.RS256) }
}
