import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../domain/clock.ts'
import { maxFailures } from '../../domain/codes/lockout.ts'
import type { Policy } from '../../domain/policy.ts'
import type { PrismaClient } from '../prisma/client.ts'

/** State that the database holds for all instances. */
export type SharedState = {
  databaseReady: boolean
  /** Users who can't log in because of wrong codes. Undefined while the database is unavailable. */
  lockedUsers: number | undefined
  /** The countries to which messages are paused. Empty while the database is unavailable. */
  pausedCountries: readonly string[]
}

const unavailable: SharedState = {
  databaseReady: false,
  lockedUsers: undefined,
  pausedCountries: []
}

/** Milliseconds for which a state is used. Less than Prometheus' usual interval of 15 seconds. */
const cacheMs = 10_000

/** Milliseconds that a caller waits. Less than Prometheus' usual timeout of 10 seconds. */
const patienceMs = 2000

type SharedStatePorts = {
  prisma: PrismaClient
  isReady: () => Promise<boolean>
  clock: Clock
  policy: Pick<Policy, 'limits' | 'conversion'>
}

/**
 * Reads the shared state at most once in ten seconds, and more often only while the database is
 * unavailable. The returned function never rejects. If the database has not answered after two
 * seconds, it resolves to the previous state.
 */
export function createSharedState(ports: SharedStatePorts): () => Promise<SharedState> {
  let latest = unavailable
  let readAt = -Infinity
  let running: Promise<void> | undefined
  const read = async () => {
    latest = await readState(ports).catch(() => unavailable)
    readAt = performance.now()
    running = undefined
  }
  return async () => {
    if (latest.databaseReady && performance.now() - readAt < cacheMs) return latest
    running ??= read()
    const timer = new AbortController()
    await Promise.race([
      running,
      sleep(patienceMs, undefined, { ref: false, signal: timer.signal }).catch(() => {})
    ])
    timer.abort()
    return latest
  }
}

async function readState({
  prisma,
  isReady,
  clock,
  policy: { limits, conversion }
}: SharedStatePorts): Promise<SharedState> {
  if (!(await isReady())) return unavailable
  const now = clock()
  // A lockout that only an operator ends also has a `code_locked_until`, so the index finds it.
  const [counts] = await prisma.$queryRaw<[{ lockedUsers: number; pausedCountries: string[] }]>`
    SELECT
      (
        SELECT count(*)::integer FROM users
        WHERE code_locked_until IS NOT NULL
          AND (code_locked_until > ${now}::timestamptz OR code_failures >= ${maxFailures})
      ) AS "lockedUsers",
      ARRAY(
        SELECT country FROM country_traffic WHERE paused_until > ${now}::timestamptz
      ) AS "pausedCountries"`
  // A limit of 0 turns lockouts off, and a floor of 0 pauses, even those that have begun.
  return {
    databaseReady: true,
    lockedUsers: limits.codeFailures === 0 ? 0 : counts.lockedUsers,
    pausedCountries: conversion.floor === 0 ? [] : counts.pausedCountries
  }
}
