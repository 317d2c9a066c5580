import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { parse } from 'yaml'
import { yamlText } from '../src/http/openapi/yaml-text.ts'
import { problemKinds } from '../src/http/problems/problem-kinds.ts'
import { defaultOpenapiYaml } from '../scripts/make-openapi.ts'
import { importFrom, skipUnlessInstalled } from './support/separate-packages.ts'
import { startApp } from './support/start-app.ts'

const file = new URL('../openapi.yaml', import.meta.url)

t.test('openapi.yaml matches the routes (else: npm run docs:openapi)', async t => {
  t.equal(readFileSync(file, 'utf8'), await defaultOpenapiYaml())
})

t.test('openapi.yaml means the same to YAML 1.1 and 1.2 parsers', async t => {
  const yaml = readFileSync(file, 'utf8')
  t.same(parse(yaml, { version: '1.1' }), parse(yaml))
})

t.test('strings that YAML 1.1, PyYAML or Psych would convert are quoted', async t => {
  const ambiguous = [
    ...['2026-01-31T12:00:00.000Z', '2026-01-31', '2026-01-31 12:00:00 +1', '12:30:45', '1:30'],
    ...['yes', 'No', 'on', 'OFF', 'y', 'n', 'true', 'null', '~', '', 'Null'],
    ...['042137', '0o17', '0x1f', '0b11', '1_000', '1,000', '1e3', '.5', '-.inf', '.NaN', '+1'],
    ...['=', '<<', ':symbol', '- a', '? a', '!ruby/object', '&a', '*a', '%a', '@a']
  ]
  const yaml = yamlText({
    values: ambiguous,
    keys: Object.fromEntries(ambiguous.map(key => [key, 1]))
  })
  for (const text of ambiguous) {
    t.ok(yaml.includes(`  - ${JSON.stringify(text)}\n`), text)
    t.ok(yaml.includes(`  ${JSON.stringify(text)}: 1\n`), text)
  }
  t.same(parse(yaml, { version: '1.1' }), parse(yaml))
})

type Finding = { ruleId: string; message: string; location: { pointer?: string }[] }
const skip = skipUnlessInstalled('scripts/openapi')

t.test('openapi.yaml passes the linter', { skip }, async t => {
  const { createConfig, lint } = await importFrom('scripts/openapi', '@redocly/openapi-core')
  const config = await createConfig({
    extends: ['recommended-strict'],
    rules: {
      // The service runs on the developer's own machine by default.
      'no-server-example.com': 'off',
      // The JWKS and the health checks are public and take no input, so they have no 4xx.
      'operation-4xx-response': 'off'
    }
  })
  const found: Finding[] = await lint({ ref: fileURLToPath(file), config })
  t.same(
    found.map(({ ruleId, message, location }) => ({
      ruleId,
      message,
      where: location[0]?.pointer
    })),
    // The response to undocumented methods, to which no operation can refer.
    [
      {
        ruleId: 'no-unused-components',
        message: 'Component: "MethodNotAllowed" is never used.',
        where: '#/components/responses/MethodNotAllowed'
      }
    ]
  )
})

t.test('every problem has an example and advice', async t => {
  const { components } = parse(readFileSync(file, 'utf8'))
  t.same(Object.keys(components.examples).sort(), Object.keys(problemKinds).sort())
  const description = components.schemas.Problem.description.replaceAll(/\s+/g, ' ')
  for (const [slug, { status, meaning, remedy }] of Object.entries(problemKinds))
    t.ok(description.includes(`- \`${slug}\` (${status}): ${meaning} *${remedy}*`), slug)
})

t.test('every length limit in the schema is enforced', async t => {
  const { app, accessToken } = await startApp(t)
  const headers = {
    authorization: `Bearer ${await accessToken()}`,
    'content-type': 'application/json'
  }
  const { paths, components } = parse(readFileSync(file, 'utf8'))
  const schemaOf = ({ $ref }: { $ref: string }) => components.schemas[$ref.split('/').at(-1) ?? '']
  /** Returns the number of errors for a field with this text. */
  const countErrors = async (url: string, example: object, field: string, text: string) => {
    const payload = JSON.stringify({ ...example, [field]: text })
    const response = await app.inject({ method: 'POST', url, headers, payload })
    const { errors = [] } = JSON.parse(response.payload || '{}')
    return errors.filter(({ pointer }: { pointer: string }) => pointer === `#/${field}`).length
  }
  let fields = 0
  for (const [url, { post, servers }] of Object.entries<Record<string, any>>(paths)) {
    // The admin API, which has its own server, rejects more than the schema.
    if (post === undefined || servers !== undefined) continue
    // Twilio sends forms with any fields.
    const { 'application/json': json } = post.requestBody.content
    if (json === undefined) continue
    const { properties, examples } = schemaOf(json.schema)
    for (const [field, schema] of Object.entries<Record<string, any>>(properties)) {
      const { type, maxLength, pattern } = schema
      if (type !== 'string') continue
      fields++
      // The password policy and the check of numbers reject more than the schema.
      if (field === 'newPassword' || field === 'phone') continue
      const allowed = new RegExp(pattern, 'u')
      for (const text of ['a\0b', 'a\ud800b', 'a\udc00', '\ud83d\ude00', 'a\nb'])
        t.equal(
          await countErrors(url, examples[0], field, text),
          allowed.test(text) ? 0 : 1,
          `${url} ${field}`
        )
      if (maxLength === undefined) continue
      for (const [text, errors] of [
        ['é'.repeat(maxLength), 0],
        ['é'.repeat(maxLength + 1), 1],
        ['', 1]
      ] as const)
        t.equal(await countErrors(url, examples[0], field, text), errors, `${url} ${field}`)
    }
  }
  t.equal(fields, 18)
  const { data } = components.schemas.ConfirmationRequest.properties
  const { minLength, maxLength } = data.additionalProperties.anyOf[0]
  for (const [length, count] of [
    [minLength, 0],
    [minLength - 1, 1],
    [maxLength, 0],
    [maxLength + 1, 1]
  ]) {
    const { payload } = await app.inject({
      method: 'POST',
      url: '/confirmations',
      headers,
      payload: {
        action: 'transfer',
        data: { amount: '1', currency: 'EUR', payee: 'x'.repeat(length), nothing: 1 }
      }
    })
    t.equal(payload.split('/data/payee').length - 1, count, `a value of ${length} characters`)
  }
})

t.test('the number of listed errors stays within the schema', async t => {
  const { post } = await startApp(t)
  const { components } = parse(readFileSync(file, 'utf8'))
  const { errors } = (
    await post('/login', Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`key${i}`, 1])))
  ).json()
  t.equal(errors.length, components.schemas.Problem.properties.errors.maxItems)
})
