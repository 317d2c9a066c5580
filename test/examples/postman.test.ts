import { readFileSync } from 'node:fs'
import t from 'tap'
import { postmanFiles } from '../../scripts/make-postman.ts'
import { skipUnlessInstalled } from '../support/separate-packages.ts'

const readText = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

const skip = skipUnlessInstalled('scripts/postman')

t.test('the Postman files match openapi.yaml (else: npm run docs:postman)', { skip }, async t => {
  for (const [name, content] of Object.entries(await postmanFiles(readText('openapi.yaml'))))
    t.equal(readText(`examples/postman/${name}`), content, name)
})

t.test('no Postman file contains a secret, and variables for secrets are marked', async t => {
  const { values } = JSON.parse(readText('examples/postman/environment.json'))
  for (const { key, value, type } of values) {
    if (['baseUrl', 'username', 'newPhone', 'adminUrl', 'userId'].includes(key)) continue
    t.match({ value, type }, { value: '', type: 'secret' }, key)
  }
})

t.test(
  'every folder, request and variable that docs/clients.md names exists in the Postman files',
  async t => {
    const [paragraph = ''] = /^## Postman\n\n[^]*?\n\n/m.exec(readText('docs/clients.md')) ?? []
    const { item: folders } = JSON.parse(readText('examples/postman/collection.json'))
    const { values } = JSON.parse(readText('examples/postman/environment.json'))
    const names = folders.flatMap(({ name, item }: { name: string; item: { name: string }[] }) => [
      name,
      ...item.map(({ name }) => name)
    ])
    const quoted = [...paragraph.matchAll(/"([^"]+)"/g)].map(([, name]) => name)
    t.ok(quoted.length > 0)
    for (const name of quoted) t.ok(names.includes(name), String(name))
    const files = ['collection.json', 'environment.json', 'examples/postman']
    for (const [, name] of paragraph.matchAll(/`([^`]+)`/g))
      t.ok(
        [...files, ...values.map(({ key }: { key: string }) => key)].includes(name),
        String(name)
      )
  }
)
