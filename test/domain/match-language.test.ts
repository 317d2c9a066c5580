import fc from 'fast-check'
import t from 'tap'
import { matchLanguage } from '../../src/domain/messages/match-language.ts'
import { wordingsWith } from '../../src/config/message-files.ts'

const wordings = wordingsWith([])
const matchFor = (...tags: string[]) => matchLanguage(wordings, tags)?.language

t.test('a language is matched in every region and script', async t => {
  t.same(
    ['pt', 'pt-BR', 'pt-PT', 'PT-br', 'pt-BR-x-private', 'en-GB', 'de-CH-1996', 'ar-EG'].map(tag =>
      matchFor(tag)
    ),
    ['pt', 'pt', 'pt', 'pt', 'pt', 'en', 'de', 'ar']
  )
  t.same(
    ['zh', 'zh-CN', 'zh-Hans', 'zh-Hans-SG', 'zh-SG', 'cmn'].map(tag => matchFor(tag)),
    Array(6).fill('zh')
  )
  t.same(
    ['zh-TW', 'zh-HK', 'zh-Hant', 'zh-Hant-HK', 'zh-MO'].map(tag => matchFor(tag)),
    Array(5).fill('zh-Hant')
  )
})

t.test('the first language with a wording wins and invalid tags are skipped', async t => {
  t.equal(matchFor('fi', 'sv-SE', 'tr', 'de'), 'tr')
  t.equal(matchFor('*', '', 'und', 'x-pt', 'x'.repeat(5000), '-', 'fr'), 'fr')
  t.equal(matchFor(), undefined)
  t.equal(matchFor('fi'), undefined)
  t.equal(matchFor('constructor', '__proto__', 'toString'), undefined)
})

t.test('a wording for a region takes precedence over the wording for the language', async t => {
  const [english, ...others] = wordings
  const withBrazil = [
    english,
    ...others,
    ...others
      .filter(({ language }) => language === 'pt')
      .map(wording => ({ ...wording, language: 'pt-BR' }))
  ]
  t.same(
    ['pt-BR', 'pt-PT', 'pt'].map(tag => matchLanguage(withBrazil, [tag])?.language),
    ['pt-BR', 'pt', 'pt']
  )
})

for (const [file, tags] of [
  ['es-419', 'es-MX es-AR es-US es-419'],
  ['es-MX', 'es-MX es-AR es-419'],
  ['no', 'nb-NO nb nn-NO no no-NO'],
  ['nb', 'no no-NO nb nn-NO no-bok'],
  ['zh-TW', 'zh-Hant-TW zh-TW zh_TW cmn-Hant-TW'],
  ['zh-Hant-TW', 'zh-Hant-TW zh-TW'],
  ['zh-HK', 'zh-Hant-HK zh-HK zh-MO'],
  ['zh-Hant-HK', 'zh-MO zh-HK yue-HK yue'],
  ['zh-CN', 'zh-Hans-CN zh-CN zh_CN'],
  ['zh-Hans', 'zh zh-CN zh-Hans-SG cmn'],
  ['pt-PT', 'pt-AO pt-MZ pt-PT'],
  ['en-GB', 'en-AU en-IN en-001 en-GB-oed'],
  ['en-001', 'en-GB en-AU'],
  ['sv-SE', 'sv sv-FI sv-SE'],
  ['sr-Latn', 'sr-Latn-RS sr-Latn'],
  ['yue', 'yue-HK zh-yue zh-yue-HK']
] as const) {
  t.test(`a file ${file}.json is matchFor by ${tags}`, async t => {
    const [english] = wordings
    const all = wordingsWith([{ ...english, language: file }])
    for (const tag of tags.split(' ')) t.equal(matchLanguage(all, [tag])?.language, file, tag)
  })
}

for (const [file, tags] of [
  ['es-419', 'es es-ES en'],
  ['pt-PT', 'pt pt-BR'],
  ['pt-BR', 'pt-PT pt'],
  ['en-GB', 'en en-US en-PH'],
  ['zh-TW', 'zh zh-HK zh-CN'],
  ['zh-HK', 'zh-TW zh-Hant'],
  ['sr-Latn', 'sr sr-Cyrl'],
  ['ja-Latn', 'ja ja-JP']
] as const) {
  t.test(`a file ${file}.json is not matchFor by ${tags}`, async t => {
    const [english] = wordings
    const all = wordingsWith([{ ...english, language: file }])
    for (const tag of tags.split(' ')) t.not(matchLanguage(all, [tag])?.language, file, tag)
  })
}

t.test('outdated, informal and related tags match', async t => {
  for (const [tag, language] of [
    ['yue', 'zh-Hant'],
    ['yue-HK', 'zh-Hant'],
    ['yue-Hant-HK', 'zh-Hant'],
    ['yue-Hans-CN', 'zh'],
    ['wuu', 'zh'],
    ['nan-TW', 'zh-Hant'],
    ['hak-TW', 'zh-Hant'],
    ['arz', 'ar'],
    ['apc', 'ar'],
    ['ary-MA', 'ar'],
    ['gsw-CH', 'de'],
    ['lb', 'de'],
    ['i-lux', 'de'],
    ['zh-cmn-Hans-CN', 'zh'],
    ['zh-cmn-Hant-TW', 'zh-Hant'],
    ['zh-yue', 'zh-Hant'],
    ['zh-min-nan', 'zh'],
    ['zh-guoyu', 'zh'],
    ['zh-CHT', 'zh-Hant'],
    ['ar-arz', 'ar'],
    ['de_DE', 'de'],
    ['pt_BR', 'pt'],
    ['zh_TW', 'zh-Hant'],
    ['zh_TW_#Hant', 'zh-Hant'],
    ['de_DE.UTF-8', 'de'],
    ['en-USA', 'en']
  ] as const)
    t.equal(matchFor(tag), language, tag)
})

t.test('a tag with Latin script does not match a wording in another script', async t => {
  t.equal(matchFor('hi-Latn'), 'en')
  for (const tag of ['zh-Latn', 'ja-Latn', 'ar-Latn']) t.equal(matchFor(tag), undefined, tag)
  t.equal(matchFor('ja-Latn', 'de'), 'de')
})

t.test('any tags can be matched without an error', async t => {
  const anyTags = fc.property(
    fc.array(fc.oneof(fc.string(), fc.stringMatching(/^[a-z]{1,9}([-_][A-Za-z0-9]{1,9}){0,4}$/))),
    tags => {
      matchLanguage(wordings, tags)
    }
  )
  t.doesNotThrow(() => fc.assert(anyTags))
})
