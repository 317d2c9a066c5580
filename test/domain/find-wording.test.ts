import fc from 'fast-check'
import t from 'tap'
import { findWording } from '../../src/domain/find-wording.ts'
import { wordingsWith } from '../../src/wordings.ts'

const wordings = wordingsWith([])
const found = (...tags: string[]) => findWording(wordings, tags)?.language

t.test('a language is found from wherever it is spoken, and in whichever script it is written', async t => {
  t.same(['pt', 'pt-BR', 'pt-PT', 'PT-br', 'pt-BR-x-private', 'en-GB', 'de-CH-1996', 'ar-EG', 'hi-Latn'].map(tag => found(tag)), ['pt', 'pt', 'pt', 'pt', 'pt', 'en', 'de', 'ar', 'hi'])
  t.same(['zh', 'zh-CN', 'zh-Hans', 'zh-Hans-SG', 'zh-SG', 'cmn'].map(tag => found(tag)), Array(6).fill('zh'))
  t.same(['zh-TW', 'zh-HK', 'zh-Hant', 'zh-Hant-HK', 'zh-MO'].map(tag => found(tag)), Array(5).fill('zh-Hant'))
})

t.test('the first language that there are words for is taken; what is no language is passed over', async t => {
  t.equal(found('fi', 'sv-SE', 'tr', 'de'), 'tr')
  t.equal(found('*', '', 'pt_BR', 'x'.repeat(5000), '-', 'fr'), 'fr')
  t.equal(found(), undefined)
  t.equal(found('fi'), undefined)
  t.equal(found('constructor', '__proto__', 'toString'), undefined)
})

t.test('a wording of its own for a place goes before that of the language', async t => {
  const [english, ...others] = wordings
  const withBrazil = [english, ...others, ...others.filter(({ language }) => language === 'pt').map(wording => ({ ...wording, language: 'pt-BR' }))]
  t.same(['pt-BR', 'pt-PT', 'pt'].map(tag => findWording(withBrazil, [tag])?.language), ['pt-BR', 'pt', 'pt'])
})

t.test('no tag whatever makes it stumble', async t => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.string(), fc.stringMatching(/^[a-z]{1,9}([-_][A-Za-z0-9]{1,9}){0,4}$/))), tags => { findWording(wordings, tags) }))
  t.pass()
})
