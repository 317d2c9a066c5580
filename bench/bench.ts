import type { Cores } from './cores.ts'
import type { BenchDatabase } from './database.ts'
import type { Phones } from './phones.ts'
import type { RawRate } from './raw-hashes.ts'
import type { Server } from './server.ts'

/** How much is measured: milliseconds of a slice, and how many of what. */
export type Sizes = {
  people: number
  rawMs: number
  /** A server's first seconds at full load, in which V8 still compiles: no part of what a login costs. */
  warmMs: number
  flowMs: number
  flowRounds: number
  costRequests: number
  costRounds: number
  costAlone: number
  instanceFlows: number
  instanceRounds: number
  loadMs: number
  /** Times the capacity at which people arrive. */
  loads: number[]
  growthRounds: number
  growthFlows: number
  starts: number
  signMs: number
}

export const full: Sizes = { people: 1_000_000, rawMs: 1200, warmMs: 15_000, flowMs: 5000, flowRounds: 5, costRequests: 2500, costRounds: 3, costAlone: 200, instanceFlows: 1200, instanceRounds: 2, loadMs: 9000, loads: [1, 4, 16], growthRounds: 4, growthFlows: 60, starts: 5, signMs: 700 }
export const quick: Sizes = { people: 20_000, rawMs: 400, warmMs: 3000, flowMs: 1700, flowRounds: 2, costRequests: 1000, costRounds: 1, costAlone: 60, instanceFlows: 300, instanceRounds: 1, loadMs: 2500, loads: [4, 16], growthRounds: 0, growthFlows: 0, starts: 1, signMs: 80 }

/** People in the database that the large one is compared with. */
export const fewPeople = 1000

/** The least that ARGON2_… allow. */
export const cheapHash = { memoryKib: 1024, time: 1 }

/** So many flows, and raw hashes, are under way at a time. */
export const atOnce = 16

/** What every measurement needs. All that it starts is gone at the end, however that comes. */
export type Bench = {
  sizes: Sizes
  cores: Cores
  folder: string
  /** The database of most measurements, in the full run with a million people. */
  database: BenchDatabase
  /** One of few people, made when it is first asked for. */
  smallDatabase: () => Promise<BenchDatabase>
  /** One of people whose passwords are hashed at next to no cost. */
  cheapDatabase: () => Promise<BenchDatabase>
  phones: Phones
  /** A production server on the server's core; `url` of another database than `database`. */
  startServer: (env?: Record<string, string>, url?: string) => Promise<Server>
  /** A slice of raw hashes on the server's core, at the cost of `digest`, or at that of most measurements. */
  rawSlice: (digest?: string) => Promise<RawRate>
  progress: (doing: string) => void
}
