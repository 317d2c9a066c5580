// From CLDR 48, supplemental data: parent locales, and language matches with a distance of at most
// ten between languages of the same script. Languages that Intl maps itself are left out.

/** Languages whose speakers read another language, keyed by the language that they read. */
const readers: Readonly<Record<string, string>> = {
  ar:
    'aao abh abv acm acq acw acx acy adf aeb aec afb ajp apc apd arq ars ary arz auz avl ayh ayl ' +
    'ayn ayp pga shu ssh',
  de: 'gsw lb',
  nb: 'no nn',
  zh: 'cdo cjy cmn cnp cpx csp czh czo gan hak hsn lzh mnp nan wuu yue'
}
const readBy = new Map(
  Object.entries(readers).flatMap(([read, languages]) =>
    languages.split(' ').map(language => [language, read] as const)
  )
)

/** Regions that use another variety of a language than that of its likely region. */
const varieties = new Map([
  [
    'es-419',
    new Set('AR BO BR BZ CL CO CR CU DO EC GT HN JP MX NI PA PE PR PY SV US UY VE'.split(' '))
  ],
  ['pt-PT', new Set('AO CH CV FR GQ GW LU MO MZ ST TL'.split(' '))]
])
const americanEnglish = new Set('AS BI GU MH MP PH PR UM US VI'.split(' '))

/** Replacements for valid tags that Intl rejects (RFC 5646 §2.2.8). */
const grandfathered = new Map([
  ['en-gb-oed', 'en-GB-oxendict'],
  ['i-ami', 'ami'],
  ['i-bnn', 'bnn'],
  ['i-hak', 'hak'],
  ['i-klingon', 'tlh'],
  ['i-lux', 'lb'],
  ['i-navajo', 'nv'],
  ['i-pwn', 'pwn'],
  ['i-tao', 'tao'],
  ['i-tay', 'tay'],
  ['i-tsu', 'tsu'],
  ['no-bok', 'nb'],
  ['no-nyn', 'nn'],
  ['sgn-be-fr', 'sfb'],
  ['sgn-be-nl', 'vgt'],
  ['sgn-ch-de', 'sgg'],
  ['zh-min-nan', 'nan']
])

/** The same for tags of .NET, which are not valid. */
const ofDotNet = new Map([
  ['zh-chs', 'zh-Hans'],
  ['zh-cht', 'zh-Hant']
])

/**
 * The canonical form of a language tag (RFC 5646 §4.5), for example `pt-BR` for `pt-br` and `yue`
 * for `zh-yue`. Undefined when `tag` isn't valid.
 */
export function canonicalTag(tag: string): string | undefined {
  // A tag for private use names no language, so it has no effect on messages.
  if (/^x(?:-[a-z\d]{1,8})+$/i.test(tag)) return tag.toLowerCase()
  // An extended language subtag alone means the same as after its prefix.
  const preferred =
    grandfathered.get(tag.toLowerCase()) ?? tag.replace(/^[a-z]{2,3}-(?=[a-z]{3}(?:-|$))/i, '')
  try {
    return new Intl.Locale(preferred).toString()
  } catch {
    return undefined
  }
}

/**
 * The tags to look up for a language, the best first, for example zh-TW, zh-Hant or es-MX, es-419,
 * es (RFC 4647 lookup). Empty when `tag` isn't a language tag. `pt_BR` is accepted for `pt-BR`.
 */
export function fallbackTags(tag: string): string[] {
  const locale = parse(tag)
  if (locale === undefined || locale.baseName.startsWith('und')) return []
  const { language, script, region } = locale.maximize()
  const read = readBy.get(language)
  return [
    locale.baseName,
    ...ancestors({ language, script, region }),
    ...(read === undefined ? [] : ancestors({ language: read, script, region }))
  ]
}

/** Removes the script that language and region imply: zh-Hant-TW becomes zh-TW. */
export function withoutLikelyScript(tag: string): string {
  const { baseName, language, script, region } = new Intl.Locale(tag)
  return script !== undefined && script === likelyScript(language, region)
    ? baseName.replace(`-${script}`, '')
    : baseName
}

/** The tag with its likely script and region. */
export const maximized = (tag: string) => new Intl.Locale(tag).maximize().baseName

/** The parent of a tag; undefined when that is the root. */
export function parentTag(tag: string): string | undefined {
  const { language, script, region } = new Intl.Locale(tag).maximize()
  return ancestors({ language, script, region })[1]
}

type Tag = { language: string; script?: string | undefined; region?: string | undefined }

function ancestors(tag: Tag): string[] {
  const own = [tag.language, tag.script, tag.region].filter(Boolean).join('-')
  const parent = parentOf(tag)
  return parent === undefined ? [own] : [own, ...ancestors(parent)]
}

function parentOf({ language, script, region }: Tag): Tag | undefined {
  if (region !== undefined) {
    if (language === 'zh' && script === 'Hant' && region === 'MO')
      return { language, script, region: 'HK' }
    if (language === 'en' && script === 'Latn' && region !== '001' && !americanEnglish.has(region))
      return { language, region: '001' }
    for (const [variety, regions] of varieties) {
      const [ofLanguage, ofRegion] = variety.split('-')
      if (language === ofLanguage && regions.has(region)) return { language, region: ofRegion }
    }
    return { language, script }
  }
  // Users of Hindi in Latin script mostly read English.
  if (language === 'hi' && script === 'Latn') return { language: 'en', script, region: 'IN' }
  if (script !== undefined) return script === likelyScript(language) ? { language } : undefined
  return language === 'nb' || language === 'nn' ? { language: 'no' } : undefined
}

const likelyScript = (language: string, region?: string) =>
  new Intl.Locale([language, region].filter(Boolean).join('-')).maximize().script

/** Parses a tag. A malformed one is truncated from the end until it is valid (RFC 4647 §3.4). */
function parse(tag: string): Intl.Locale | undefined {
  const subtags = tag.replaceAll('_', '-').split('-')
  const [language = '', extended = ''] = subtags.map(subtag => subtag.toLowerCase())
  // zh-yue-HK is the older form of yue-HK (RFC 5646 §2.2.2).
  if (readBy.get(extended) === language) subtags.shift()
  while (subtags.length > 0) {
    const text = subtags.join('-')
    try {
      const key = text.toLowerCase()
      return new Intl.Locale(grandfathered.get(key) ?? ofDotNet.get(key) ?? text)
    } catch {
      subtags.pop()
    }
  }
  return undefined
}
