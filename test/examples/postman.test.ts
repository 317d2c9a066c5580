import { readFileSync } from 'node:fs'
import t from 'tap'
import { postmanFiles } from '../../scripts/make-postman.ts'

const textOf = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

t.test('the files for Postman are those of openapi.yaml (else: npm run postman)', async t => {
  for (const [name, content] of Object.entries(await postmanFiles(textOf('openapi.yaml')))) t.equal(textOf(`examples/postman/${name}`), content, name)
})

t.test('no file for Postman holds a secret, and those it will hold are marked', async t => {
  const { values } = JSON.parse(textOf('examples/postman/environment.json'))
  for (const { key, value, type } of values) {
    if (['baseUrl', 'username'].includes(key)) continue
    t.match({ value, type }, { value: '', type: 'secret' }, key)
  }
})
