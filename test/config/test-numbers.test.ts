import t from 'tap'
import { readConfig } from '../../src/config/config.ts'
import { production } from '../support/start-process.ts'

const entry = '+12025550123=424242@2026-12-31'
const live = production('postgresql://127.0.0.1/none')

/** Returns the message with which the configuration is refused. */
function refusal(environment: NodeJS.ProcessEnv): string {
  try {
    readConfig(environment)
    return 'not refused'
  } catch (error) {
    return (error as Error).message
  }
}

/** A day in UTC, so many days from today. */
const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)

t.test('a list has a number, a code and a last day in each entry', async t => {
  const text = `${entry}, +447700900999=004217@2030-02-28,+15005550101=111111@2020-01-01`
  t.same(
    readConfig({ TEST_NUMBERS: text }).policy.testNumbers,
    new Map([
      ['+12025550123', { code: '424242', lastDay: '2026-12-31' }],
      ['+447700900999', { code: '004217', lastDay: '2030-02-28' }],
      // A day in the past is valid, so that the service still starts after it.
      ['+15005550101', { code: '111111', lastDay: '2020-01-01' }]
    ])
  )
})

t.test('an invalid entry is refused by its position, without its code or number', async t => {
  for (const [entries, message] of [
    [`${entry},`, 'entry 2 must be a number, its code and its last day'],
    [`${entry},,${entry}`, 'entry 2 must be a number, its code and its last day'],
    ['+12025550123', 'entry 1 must be a number, its code and its last day'],
    ['+12025550123=424242', 'entry 1 must be a number, its code and its last day'],
    ['12025550123=424242@2026-12-31', 'entry 1 must be a number'],
    ['+1 202 555 0123=424242@2026-12-31', 'entry 1 must be a number'],
    ['＋12025550123=424242@2026-12-31', 'entry 1 must be a number'],
    ['+12025550123=424242@2026-12-31T00:00', 'entry 1 must be a number'],
    ['+12025550123=424242@tomorrow', 'entry 1 must be a number'],
    ['+12025550123=４２４２４２@2026-12-31', 'entry 1 must be a number'],
    [`${entry},+12025550124=42424@2026-12-31`, 'entry 2 must have a code of 6 digits'],
    ['+12025550123=4242424@2026-12-31', 'entry 1 must have a code of 6 digits'],
    ['+12025550123=424242@2026-02-30', 'entry 1 must have an existing day'],
    ['+12025550123=424242@2026-13-01', 'entry 1 must have an existing day'],
    [`${entry},+12025550123=135792@2027-01-01`, 'entry 2 has the number of an earlier entry']
  ] as const) {
    const refused = refusal({ TEST_NUMBERS: entries })
    t.ok(refused.startsWith(`TEST_NUMBERS ${message}`), `${entries}: ${refused}`)
    t.notMatch(refused.replace('+12025550123=<code>', ''), /\d{5}|\n/, entries)
  }
  t.match(readConfig({ CODE_LENGTH: '8', TEST_NUMBERS: '+12025550123=42424213@2026-12-31' }), {})
  t.match(refusal({ CODE_LENGTH: '8', TEST_NUMBERS: entry }), /a code of 8 digits/)
})

t.test('a number that a person can have is refused', async t => {
  for (const phone of [
    '+14155551234',
    '+12025550200',
    '+12025560123',
    '+18005550123', // Toll-free numbers of this form exist.
    '+19005550123',
    '+14165550123',
    '+12115550123',
    '+447700901000',
    '+447400123456',
    '+4407700900123', // Another spelling of a reserved number.
    '+112025550123',
    '+4915112345678'
  ]) {
    const refused = refusal({ TEST_NUMBERS: `${phone}=424242@2026-12-31` })
    t.match(refused, /^TEST_NUMBERS entry 1 must have a number that is reserved/, phone)
  }
})

t.test('in production the last day is at most 90 days ahead', async t => {
  for (const [days, allowed] of [
    [-400, true],
    [0, true],
    [90, true],
    // Two, because the test may run at midnight.
    [92, false],
    [10_000, false]
  ] as const) {
    const list = `+12025550123=424242@${day(days)}`
    const refused = refusal({ ...live, TEST_NUMBERS: list })
    if (allowed) t.equal(refused, 'not refused', String(days))
    else t.match(refused, /^TEST_NUMBERS entry 1 must have a last day within 90 days/)
    t.equal(refusal({ TEST_NUMBERS: list }), 'not refused')
  }
})

t.test('in production a code that is easy to guess is refused', async t => {
  for (const code of ['000000', '777777', '123456', '654321', '890123', '210987']) {
    const list = `+12025550123=${code}@${day(1)}`
    const refused = refusal({ ...live, TEST_NUMBERS: list })
    t.match(refused, /^TEST_NUMBERS entry 1 must have a code that is hard to guess/, code)
    t.notMatch(refused, code)
    t.equal(refusal({ TEST_NUMBERS: list }), 'not refused')
  }
  for (const code of ['424242', '000001', '112233'])
    t.equal(refusal({ ...live, TEST_NUMBERS: `+12025550123=${code}@${day(1)}` }), 'not refused')
})
