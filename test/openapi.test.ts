import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createConfig, lint } from '@redocly/openapi-core'
import t from 'tap'
import { parse } from 'yaml'
import { problemKinds } from '../src/http/problem-kinds.ts'
import { defaultOpenapiYaml } from '../src/openapi.ts'

const file = new URL('../openapi.yaml', import.meta.url)

t.test('openapi.yaml is what the routes say today (else: npm run openapi)', async t => {
  t.equal(readFileSync(file, 'utf8'), await defaultOpenapiYaml())
})

t.test('openapi.yaml passes the linter', async t => {
  const config = await createConfig({
    extends: ['recommended-strict'],
    rules: {
      // A developer's own machine is where the service runs by default.
      'no-server-example.com': 'off',
      // Keys and health are for everybody, and cannot be asked for wrongly.
      'operation-4xx-response': 'off'
    }
  })
  const found = await lint({ ref: fileURLToPath(file), config })
  t.same(found.map(({ ruleId, message, location }) => ({ ruleId, message, where: location[0]?.pointer })), [])
})

t.test('every problem is told what to do about, and those a route can meet are there with an example', async t => {
  const { info, components } = parse(readFileSync(file, 'utf8'))
  // The one that no listed operation can answer; the introduction names it.
  t.same(Object.keys(components.examples).sort(), Object.keys(problemKinds).filter(slug => slug !== 'method-not-allowed').sort())
  const introduction = info.description.replaceAll(/\s+/g, ' ')
  for (const [slug, { status, meaning, remedy }] of Object.entries(problemKinds)) t.ok(introduction.includes(`- \`${slug}\` (${status}): ${meaning} *${remedy}*`), slug)
})
