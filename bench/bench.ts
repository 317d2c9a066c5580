import type { Cores } from './cores.ts'
import type { BenchDatabase } from './database.ts'
import type { Phones } from './phones.ts'
import type { RawRate } from './raw-hashes.ts'
import type { Server } from './server.ts'

/** The amount of work of each measurement. Durations are in milliseconds. */
export type Sizes = {
  users: number
  rawMs: number
  /** The warm-up at full load, which doesn't count because V8 still compiles. */
  warmMs: number
  flowMs: number
  flowRounds: number
  costRequests: number
  costRounds: number
  costAlone: number
  instanceFlows: number
  instanceRounds: number
  loadMs: number
  /** The arrival rates of users, as multiples of the capacity. */
  loads: number[]
  growthRounds: number
  growthFlows: number
  starts: number
  signMs: number
}

export const full: Sizes = {
  users: 1_000_000,
  rawMs: 1200,
  warmMs: 15_000,
  flowMs: 5000,
  flowRounds: 5,
  costRequests: 2500,
  costRounds: 3,
  costAlone: 200,
  instanceFlows: 1200,
  instanceRounds: 2,
  loadMs: 9000,
  loads: [1, 4, 16],
  growthRounds: 4,
  growthFlows: 60,
  starts: 5,
  signMs: 700
}
export const quick: Sizes = {
  users: 20_000,
  rawMs: 400,
  warmMs: 3000,
  flowMs: 1700,
  flowRounds: 2,
  costRequests: 1000,
  costRounds: 1,
  costAlone: 60,
  instanceFlows: 300,
  instanceRounds: 1,
  loadMs: 2500,
  loads: [4, 16],
  growthRounds: 0,
  growthFlows: 0,
  starts: 1,
  signMs: 80
}

/** The number of users in the small database. */
export const fewUsers = 1000

/** The minimum that the ARGON2_… variables allow. */
export const cheapHash = { memoryKib: 1024, time: 1 }

/** The number of concurrent flows and of concurrent raw hashes. */
export const concurrency = 16

/** What every measurement needs. Everything that it starts is removed at the end of the program. */
export type Bench = {
  sizes: Sizes
  cores: Cores
  folder: string
  /** The database of most measurements. In a full run it has a million users. */
  database: BenchDatabase
  /** A database with few users, created by the first call. */
  smallDatabase: () => Promise<BenchDatabase>
  /** A database whose users have cheap password hashes, created by the first call. */
  cheapDatabase: () => Promise<BenchDatabase>
  phones: Phones
  /** Starts a production server on the server's core. `url` replaces `database`. */
  startServer: (env?: Record<string, string>, url?: string) => Promise<Server>
  /** Runs a slice of raw hashes on the server's core, by default at the usual cost. */
  rawSlice: (digest?: string) => Promise<RawRate>
  progress: (step: string) => void
}
