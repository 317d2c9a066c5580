import { readFileSync } from 'node:fs'
import t from 'tap'
import manifest from '../package.json' with { type: 'json' }

type Lock = { packages: Record<string, { version?: string, integrity?: string, inBundle?: boolean }> }
const lock: Lock = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'))

t.test('every package is pinned to one version, and the lock says what its bytes are', async t => {
  const { 'openapi-typescript': inside, ...overrides } = manifest.overrides
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies, ...overrides, ...inside })) t.match(version, /^\d+\.\d+\.\d+(-[\w.-]+)?$/, name)
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '')
  t.ok(packages.length > Object.keys(manifest.dependencies).length)
  t.same(packages.filter(([, { integrity, inBundle }]) => !inBundle && !integrity?.startsWith('sha512-')).map(([path]) => path), [])
})

// Older ones have published weaknesses, CVE-2026-3419 and CVE-2026-44351 among them.
for (const [name, least] of [['fastify', '5.8.1'], ['fast-jwt', '6.3.6']] as const) {
  t.test(`${name} is ${least} or newer, wherever in the tree it is`, async t => {
    const found = Object.entries(lock.packages).filter(([path]) => path.endsWith(`node_modules/${name}`))
    t.ok(found.length > 0)
    for (const [path, { version = '' }] of found) t.ok(version.localeCompare(least, 'en', { numeric: true }) >= 0, `${path} ${version}`)
  })
}
