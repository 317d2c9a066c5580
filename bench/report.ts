import type { Results } from './measurements.ts'
import { median, type Times } from './statistics.ts'

const percent = (share: number) =>
  Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : 'not measured'
const ms = (value: number | undefined) =>
  value !== undefined && Number.isFinite(value)
    ? `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ms`
    : 'not measured'
const mib = (value: number | undefined) =>
  value !== undefined && Number.isFinite(value) ? `${Math.round(value)} MiB` : 'not measured'
const spread = (values: Times) =>
  values === null ? 'none' : `${ms(values.p50)} / ${ms(values.p95)} / ${ms(values.p99)}`
const ratio = (value: number | undefined, base: number | undefined) =>
  value === undefined || base === undefined ? '' : `, ${(value / base).toFixed(2)}×`

const against = (value: number | undefined, base: number | undefined) =>
  `${ms(value)} against ${ms(base)}${ratio(value, base)}`

/** Returns the results as lines of two columns. */
export function report({
  flows,
  costs,
  load,
  growth,
  instances,
  statements,
  starts,
  signatures
}: Partial<Results>): string {
  const rows: [label: string, value: string][] = []
  if (flows) {
    rows.push(
      [
        'Flows per raw hash, 16 at a time',
        `${percent(flows.shareOfRaw)}   (${flows.flowsPerSecond.toFixed(1)} ` +
          `of ${flows.rawPerSecond.toFixed(1)} per second)`
      ],
      [
        "  the hash as a share of a flow's CPU",
        `${percent(flows.hashShareOfCpu)}   (${ms(flows.cpuPerHash)} of ${ms(flows.cpuPerFlow)})`
      ],
      [
        '  flows per raw hash without a log',
        `${percent(flows.shareOfRawSilent)}   ` +
          `(the log takes ${ms(flows.cpuOfLogging)} of CPU per flow)`
      ],
      ['  login, p50 / p95 / p99', spread(flows.login)],
      ['  verify, p50 / p95 / p99', spread(flows.verify)],
      ['  peak memory', mib(flows.peakMemory)],
      [
        '  share of the CPU that raw hashes got',
        percent(flows.cpuGranted) +
          (flows.cpuGranted < 0.97
            ? '   (other programs are running, so these figures are unreliable)'
            : '')
      ]
    )
  }
  if (costs) {
    rows.push(
      [
        'CPU of a login beyond its hash',
        `${ms(costs.login.cpuBeyondHash)}   (event loop ${ms(costs.login.cpuOfEventLoop)})`
      ],
      [
        'CPU of a verify',
        `${ms(costs.verify.cpu)}   (event loop ${ms(costs.verify.cpuOfEventLoop)})`
      ],
      ['CPU of a refresh', ms(costs.refresh.cpu)],
      ['CPU of a /me', ms(costs.me.cpu)],
      ['At rest: verify, p50 / p95 / p99', spread(costs.verify.atRest)],
      ['  refresh', spread(costs.refresh.atRest)],
      ['  /me', spread(costs.me.atRest)]
    )
  }
  for (const {
    multiple,
    goodput,
    verify,
    refresh,
    me,
    busy,
    peakMemory,
    outcomes,
    probesRefused
  } of load?.levels ?? []) {
    rows.push(
      [
        `Logins at ${multiple}× capacity: work done`,
        `${percent(goodput)} of capacity   (${Object.entries(outcomes)
          .map(([name, count]) => `${name} ${count}`)
          .join(', ')})`
      ],
      ['  verify, p50 / p95 / p99', spread(verify)],
      ['  refresh', spread(refresh)],
      ['  /me', spread(me) + (probesRefused > 0 ? `   (${probesRefused} refused)` : '')],
      ['  time to `busy`', spread(busy)],
      ['  peak memory so far', mib(peakMemory)]
    )
  }
  if (statements) {
    const { login, loginWhileFresh, resend, verify, refresh, me } = statements
    rows.push([
      'Statements, all rate limits on',
      `login ${login}, again while fresh ${loginWhileFresh}, resend ${resend}, ` +
        `verify ${verify}, refresh ${refresh}, /me ${me}`
    ])
  }
  const [few, many] = growth ?? []
  if (few && many) {
    const kinds = Object.keys(few.statements) as (keyof typeof few.statements)[]
    rows.push(
      [
        `${many.users.toLocaleString('en')} users against ` +
          `${few.users.toLocaleString('en')}: login p50`,
        against(many.login?.p50, few.login?.p50)
      ],
      ['  login p95', against(many.login?.p95, few.login?.p95)],
      ['  verify p50', against(many.verify?.p50, few.verify?.p50)],
      ['  verify p95', against(many.verify?.p95, few.verify?.p95)],
      [
        '  statements',
        kinds.every(kind => few.statements[kind] === many.statements[kind])
          ? 'the same'
          : JSON.stringify([few.statements, many.statements])
      ]
    )
  }
  if (instances) {
    const of = (pick: (round: NonNullable<typeof instances>[number]) => number) =>
      median(instances.map(pick)).toFixed(2)
    rows.push(
      [
        'Two instances against one, on the same core',
        `${of(({ one, two }) => two.perSecond / one.perSecond)}×   (flows, cheap hashes)`
      ],
      [
        '  statements per flow, two and one',
        `${of(({ two }) => two.statementsPerFlow)} and ` +
          `${of(({ one }) => one.statementsPerFlow)}, including periodic ones`
      ],
      [
        '  statements that wait for a lock, of all running',
        `${of(({ two }) => two.waitingForLocks)} of ${of(({ two }) => two.working)}, with one ` +
          `${of(({ one }) => one.waitingForLocks)} of ${of(({ one }) => one.working)}`
      ]
    )
  }
  if (starts) {
    rows.push(
      ['Start to first response, production', ms(starts.production)],
      [
        '  embedded database, later starts',
        `${ms(starts.embeddedLater)}   (the first ${ms(starts.embeddedFirst)})`
      ]
    )
  }
  for (const [algorithm, { sign, verify }] of Object.entries(signatures ?? {})) {
    rows.push([
      `${algorithm}: sign / verify a token`,
      `${sign.toFixed(0)} µs / ${verify.toFixed(0)} µs`
    ])
  }
  return rows.map(([label, value]) => `${label.padEnd(46)} ${value}`).join('\n')
}
