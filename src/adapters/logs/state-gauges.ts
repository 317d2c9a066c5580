import { Gauge, type Registry } from 'prom-client'
import type { ConnectionUse } from '../postgres/postgres.ts'
import type { HashQueueState } from '../secrets/hash-queue.ts'
import type { SharedState } from '../stores/shared-state.ts'

/** What the gauges show. */
export type ObservedState = {
  hashQueue: () => HashQueueState
  /** Undefined for the embedded database, which has no connection pool. */
  connections: () => ConnectionUse | undefined
  /** Never rejects. */
  sharedState: () => Promise<SharedState>
}

/** Adds gauges that read the state of the service whenever the metrics are read. */
export function addStateGauges(
  registry: Registry,
  { hashQueue, connections, sharedState }: ObservedState
): void {
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number | undefined) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        setOrRemove(this, read())
      }
    })

  gauge(
    'sms_login_password_hashes_running',
    'Password hashes that are being computed.',
    () => hashQueue().running
  )
  gauge(
    'sms_login_password_hashes_waiting',
    'Requests in the password-hashing queue.',
    () => hashQueue().waiting
  )
  gauge(
    'sms_login_password_hashes_waiting_limit',
    'Requests that fit into the password-hashing queue (ARGON2_QUEUE).',
    () => hashQueue().waitingLimit
  )
  new Gauge({
    name: 'sms_login_database_connections',
    help: 'Connections of the database pool, by state. None with the embedded database.',
    labelNames: ['state'],
    registers,
    collect() {
      const use = connections()
      if (use === undefined) return
      this.set({ state: 'in_use' }, use.inUse)
      this.set({ state: 'idle' }, use.idle)
    }
  })
  gauge(
    'sms_login_database_connections_limit',
    'The maximum number of connections of the database pool.',
    () => connections()?.limit
  )
  gauge(
    'sms_login_database_statements_waiting',
    'Statements that wait for a connection of the database pool.',
    () => connections()?.waiting
  )
  new Gauge({
    name: 'sms_login_database_up',
    help: 'Whether the database answers, has all migrations and accepts writes, as in /readyz.',
    registers,
    async collect() {
      this.set((await sharedState()).databaseReady ? 1 : 0)
    }
  })
  new Gauge({
    name: 'sms_login_locked_users',
    help: 'Users who cannot log in because of wrong codes. None while the database is unavailable.',
    registers,
    async collect() {
      setOrRemove(this, (await sharedState()).lockedUsers)
    }
  })
  new Gauge({
    name: 'sms_login_country_paused',
    help: '1 for each country to which messages are paused.',
    labelNames: ['country'],
    registers,
    async collect() {
      const { pausedCountries } = await sharedState()
      this.reset()
      for (const country of pausedCountries) this.set({ country }, 1)
    }
  })
}

/** Sets a gauge, or removes its series if the value is not known. */
function setOrRemove(gauge: Gauge, value: number | undefined) {
  if (value === undefined) gauge.remove()
  else gauge.set(value)
}
