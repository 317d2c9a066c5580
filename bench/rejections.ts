import argon2 from 'argon2'
import pg from 'pg'
import { parseArgs } from 'node:util'
import { decoyDigest } from '../src/domain/login/decoy-digest.ts'
import { digestKind, unusableDigest } from '../src/domain/login/password-digest.ts'
import { createBenchDatabase } from './database.ts'
import { startPhones } from './phones.ts'
import { findPostgres } from './postgres.ts'
import { runAlone } from './run-alone.ts'
import { startProduction } from './server.ts'
import { percentile } from './statistics.ts'
import { password } from './users.ts'

// `npm run bench:rejections` measures how long a server takes to refuse a password, for each kind
// of stored user, with and without hashes of other systems. It prints medians, which should differ
// by a few percent at most.

const deadlineMs = 3_600_000
const { values } = parseArgs({ options: { requests: { type: 'string', default: '200' } } })
const requests = Number(values.requests)

const hash = (password: string) =>
  argon2.hash(password, { type: argon2.argon2id, memoryCost: 19456, timeCost: 2, parallelism: 1 })

/** The stored digest of a group of users. All users log in with `password`. */
type Group = { digest: string; disabled?: boolean }

async function ownGroups(): Promise<Record<string, Group>> {
  return {
    'a user': { digest: await hash('another password') },
    'a disabled user, correct password': { digest: await hash(password), disabled: true },
    'a user without a password': { digest: unusableDigest }
  }
}

const importedGroups = Object.fromEntries(
  ['bcrypt:12', 'pbkdf2-sha256:260000'].map(kind => [
    `an imported user, ${kind}`,
    { digest: decoyDigest(kind) ?? '' }
  ])
)

const userOf = (group: string, i: number) => ({
  username: `${group.replaceAll(/\W/g, '-')}-${i}`,
  phone: '',
  address: `10.${group.length}.${i >> 8}.${i & 255}`
})

await runAlone('bench:rejections', deadlineMs, async (folder, atEnd) => {
  const postgres = await findPostgres(folder)
  atEnd(postgres.stop)
  const phones = await startPhones()
  atEnd(phones.close)

  for (const [title, groups] of [
    ['With imported users', { ...(await ownGroups()), ...importedGroups }],
    ['Without imported users', await ownGroups()]
  ] as const) {
    const database = await createBenchDatabase(postgres.url, 1, await hash(password))
    atEnd(database.drop)
    await insertGroups(database.url, groups)
    const server = await startProduction(
      { cores: { server: null, why: 'not pinned' }, folder, env: { LOG_LEVEL: 'fatal' } },
      database.url,
      phones.url
    )
    atEnd(server.stop)
    const names = ['an unknown username', ...Object.keys(groups)]
    const durations = new Map(names.map(name => [name, [] as number[]]))
    // Groups alternate, because the speed of a machine drifts.
    for (let i = 0; i < requests; i++)
      for (const name of names) {
        const { status, ms } = await server.client.login(userOf(name, i))
        if (status !== 401) throw new Error(`${name}: expected 401, not ${status}`)
        durations.get(name)?.push(ms)
      }
    console.log(`${title}, ${requests} requests each | p50 | p95`)
    for (const [name, all] of durations)
      console.log(`${name} | ${format(percentile(all, 50))} | ${format(percentile(all, 95))}`)
    await server.stop()
  }
  return 0
})

function format(ms: number) {
  return `${ms.toFixed(1)} ms`
}

async function insertGroups(url: string, groups: Record<string, Group>) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (const [name, { digest, disabled = false }] of Object.entries(groups))
      for (let i = 0; i < requests; i++)
        await client.query(
          `INSERT INTO users
             (id, username, username_key, password_digest, password_kind, phone, disabled)
           VALUES (gen_random_uuid(), $1, $1, $2, $3, '+12025550143', $4)`,
          [userOf(name, i).username, digest, digestKind(digest), disabled]
        )
  } finally {
    await client.end()
  }
}
