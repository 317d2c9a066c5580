import type { Bench } from './bench.ts'
import { measureCosts } from './costs.ts'
import { measureFlows } from './flows.ts'
import { measureGrowth } from './growth.ts'
import { measureInstances } from './instances.ts'
import { measureLoad } from './load.ts'
import { measureSignatures } from './signatures.ts'
import { measureStarts } from './starts.ts'
import { countStatements } from './statements.ts'

/** All measurements, in order. */
export const measurements = {
  flows: measureFlows,
  costs: measureCosts,
  load: measureLoad,
  statements: (bench: Bench) => countStatements(bench, bench.database),
  growth: measureGrowth,
  instances: measureInstances,
  starts: measureStarts,
  signatures: measureSignatures
}

export type Measurement = keyof typeof measurements
export type Results = { [M in Measurement]: Awaited<ReturnType<(typeof measurements)[M]>> }
