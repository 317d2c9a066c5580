import { SegmentedMessage } from 'sms-segments-calculator'
import t from 'tap'
import {
  composeMessage,
  hasRoomForCode,
  hasRoomForSentence,
  languagesWithoutRoom,
  type MessageSettings
} from '../../src/domain/messages/compose-message.ts'
import { septets } from '../../src/domain/messages/gsm7.ts'
import { wordingsWith } from '../../src/config/message-files.ts'
import { parseOriginBoundCode } from '../support/origin-bound-code.ts'

const wordings = wordingsWith([])
const languages = wordings.map(({ language }) => language)
const acme: MessageSettings = {
  brand: 'Acme',
  origin: null,
  androidHash: null,
  wordings,
  confirmationSegments: 1
}
/** The maximum number of characters that a sentence can have. */
const roomForSentence = (settings: MessageSettings, codeLength: number, character = 'x') =>
  Array.from({ length: 300 }, (_, index) => index).findLast(length =>
    hasRoomForSentence(settings, settings.wordings[0], codeLength, character.repeat(length))
  ) ?? 0
const hash = 'FA+9qCX9VSu'
const longOrigin = 'login.a-long-name.example'
const longBrand = "Brand & Sons' 30 letters + 1-2".padEnd(30, '.')
// Lifetimes for each plural form of the languages, and the longest.
const lifetimes = [1, 2, 3, 22, 60, 120, 180, 599, 600]
/** The kinds of messages that have one segment. */
const kinds = ['login', 'phoneChange'] as const
const compose = (
  kind: (typeof kinds)[number],
  settings: Partial<MessageSettings>,
  language: string,
  code = '042137',
  lifetime = 60
) => composeMessage({ ...acme, ...settings }, [language], { kind, code, lifetime, sentence: null })
const login = (
  settings: Partial<MessageSettings>,
  language: string,
  code?: string,
  lifetime?: number
) => compose('login', settings, language, code, lifetime)
const phoneChange = (settings: Partial<MessageSettings>, language: string) =>
  compose('phoneChange', settings, language)
const confirmation = (
  settings: Partial<MessageSettings>,
  language: string,
  sentence = 'Send 250.00 EUR to Grace Hopper',
  lifetime = 60
) =>
  composeMessage({ ...acme, ...settings }, [language], {
    kind: 'confirmation',
    code: '042137',
    lifetime,
    sentence
  })
const linesOf = (text: string) => text.split('\n')

/** Every combination of one value from each list. */
function combinations<T extends Record<string, unknown>>(lists: {
  [Name in keyof T]: readonly T[Name][]
}): T[] {
  return Object.entries<readonly unknown[]>(lists).reduce<object[]>(
    (all, [name, values]) =>
      all.flatMap(partial => values.map(value => ({ ...partial, [name]: value }))),
    [{}]
  ) as T[]
}

type Parts = Pick<MessageSettings, 'brand' | 'origin' | 'androidHash'> & { code: string }

/** Returns what is wrong with a message of one segment composed from these parts. */
function faultsOf(text: string, { brand, origin, androidHash, code }: Parts): string[] {
  const { encodingName, segmentsCount } = new SegmentedMessage(text)
  const lines = linesOf(text)
  const bytes = encodingName === 'GSM-7' ? Buffer.byteLength(text, 'latin1') : 2 * text.length
  const parsed = JSON.stringify(parseOriginBoundCode(text))
  const expected = origin && { origin: `https://${origin}`, code, embedded: null, rest: '' }
  const faults: Record<string, boolean> = {
    'more than one segment': segmentsCount !== 1,
    'the code is not first': !text.startsWith(`${code} `),
    'no brand': !lines[0]?.includes(brand),
    'wrong number of lines':
      lines.length !== 1 + Number(origin !== null) + Number(androidHash !== null),
    'wrong last line': origin !== null && lines.at(-1) !== `@${origin} #${code}`,
    'no app hash': androidHash !== null && lines[1] !== androidHash,
    'more than 140 bytes': androidHash !== null && bytes > 140,
    [`read as ${parsed}`]: parsed !== JSON.stringify(expected)
  }
  return Object.keys(faults).filter(fault => faults[fault])
}

const isOneSegment = (text: string) => new SegmentedMessage(text).segmentsCount === 1

t.test('the autofill parser of these tests', async t => {
  t.test('the parser accepts exactly the examples of the specification', async t => {
    const parsed = { origin: 'https://example.com', code: '747723', embedded: null, rest: '' }
    t.same(
      parseOriginBoundCode('747723 is your ExampleCo authentication code.\n\n@example.com #747723'),
      parsed
    )
    t.same(parseOriginBoundCode('Text\r\n@example.com #747723 @ecommerce.example'), {
      ...parsed,
      embedded: 'https://ecommerce.example'
    })
    t.same(parseOriginBoundCode('@example.com #747723 @ecommerce.example $future'), {
      ...parsed,
      embedded: 'https://ecommerce.example',
      rest: ' $future'
    })
    for (const invalid of [
      'something @example.com #747723',
      '#747723 @ecommerce.example @example.com',
      '@example.com code #747723',
      '@example.com  #747723',
      '@example.com #747723\n',
      '@ #747723',
      '@example.com #',
      ''
    ])
      t.equal(parseOriginBoundCode(invalid), null, invalid)
  })
})

t.test('one segment', async t => {
  t.test('every login and phone change fits one segment and binds its code', async t => {
    const all = combinations({
      kind: [...kinds],
      language: languages,
      brand: ['Acme Bank', longBrand],
      origin: [null, 'login.example.com', longOrigin],
      androidHash: [null, hash],
      code: ['042137', '0421379', '04213799'],
      lifetime: lifetimes
    })
      // The service refuses to start with this combination; see hasRoomForCode below.
      .filter(
        ({ origin, brand, androidHash }) =>
          !(origin === longOrigin && brand === longBrand && androidHash !== null)
      )
      // Of a phone change, the longest codes are enough.
      .filter(({ kind, code }) => kind === 'login' || code.length === 8)
    t.ok(all.length > 4000, `${all.length} messages`)
    const faults = all.flatMap(({ kind, language, code, lifetime, ...settings }) => {
      const text = compose(kind, settings, language, code, lifetime)
      return faultsOf(text, { ...settings, code }).map(fault => `${fault}: ${text}`)
    })
    t.same(faults, [])
  })

  t.test('a message is in its own language with an ordinary brand and domain', async t => {
    for (const { kind, language } of combinations({ kind: [...kinds], language: languages })) {
      const settings = { brand: 'Acme Bank', origin: 'login.example.com' }
      const text = compose(kind, settings, language, '042137', 600)
      t.equal(language !== 'en' && /login code|confirms/.test(text), false, text)
      t.ok(isOneSegment(text))
    }
  })

  t.test('there is room when the shortest version fits with the longest lifetime', async t => {
    const [english] = wordings
    for (const kind of kinds) {
      const room = (origin: string, androidHash: string | null) =>
        hasRoomForCode({ ...acme, brand: longBrand, origin, androidHash }, english, kind, 8)
      const longest = (most: number) =>
        Array.from({ length: 60 }, (_, n) => `${'o'.repeat(n + 1)}.example`)
          .filter(origin => room(origin, most === 140 ? hash : null))
          .at(-1) ?? ''
      for (const [androidHash, most] of [
        [null, 160],
        [hash, 140]
      ] as const) {
        const settings = { brand: longBrand, origin: longest(most), androidHash }
        t.equal(
          Math.max(
            ...lifetimes.map(lifetime => compose(kind, settings, 'en', '04213799', lifetime).length)
          ),
          most
        )
      }
    }
  })

  t.test('a phone change in English has room wherever a login has', async t => {
    const shortest = (kind: (typeof kinds)[number]) =>
      Math.min(...wordings[0][kind].map(version => version.length))
    t.ok(shortest('phoneChange') <= shortest('login'))
  })

  t.test('a sentence with room fits in every language and with every lifetime', async t => {
    for (const { origin, androidHash } of combinations({
      origin: [null, 'login.example.com'],
      androidHash: [null, hash]
    })) {
      const settings = { ...acme, brand: longBrand, origin, androidHash }
      const room = roomForSentence(settings, 6)
      const tooLong = combinations({
        language: languages,
        lifetime: lifetimes,
        length: [1, 20, room - 10, room]
      }).filter(
        ({ language, lifetime, length }) =>
          !isOneSegment(confirmation(settings, language, 'x'.repeat(length), lifetime))
      )
      t.same(tooLong, [])
      t.notOk(
        isOneSegment(confirmation(settings, 'en', 'x'.repeat(room + 1), 599)),
        `${room + 1} septets`
      )
      t.equal(roomForSentence(settings, 6, '€'), Math.floor(room / 2))
    }
  })

  t.test('one segment is preferred to two with a longer version or the app hash', async t => {
    const text = confirmation({ confirmationSegments: 4 }, 'ar')
    t.ok(isOneSegment(text), text)
    t.match(text, /^042137 رمز تأكيد Acme:/)
  })

  t.test('languages without room are reported', async t => {
    const sample = ['Send xxxxxxxxxx xxxxxxxxxx to xxxxxxxxxx']
    t.same(languagesWithoutRoom({ ...acme, confirmationSegments: 2 }, 6, 60, sample), [])
    const settings = { ...acme, brand: 'Acme Savings & Loan', origin: 'login.example.com' }
    t.same(languagesWithoutRoom({ ...settings, confirmationSegments: 2 }, 6, 60, []), [
      { language: 'ar', login: true, confirmation: false, phoneChange: true, notices: false },
      { language: 'hi', login: true, confirmation: false, phoneChange: true, notices: true }
    ])
    for (const { language } of languagesWithoutRoom(settings, 6, 60, [])) {
      t.match(login(settings, language), /login code/)
      t.match(phoneChange(settings, language), /confirms this number/)
    }
  })
})

t.test('several segments', async t => {
  t.test('a sentence with room fits the allowed number of segments in every script', async t => {
    for (const { origin, confirmationSegments, character } of combinations({
      origin: [null, 'login.example.com'],
      confirmationSegments: [2, 3],
      character: ['€', 'ł', 'क्ष']
    })) {
      const settings = { ...acme, origin, confirmationSegments }
      const room = roomForSentence(settings, 6, character)
      t.ok(room > 0)
      const tooLong = combinations({ language: languages, lifetime: [60, 599] }).filter(
        ({ language, lifetime }) =>
          new SegmentedMessage(confirmation(settings, language, character.repeat(room), lifetime))
            .segmentsCount > confirmationSegments
      )
      t.same(tooLong, [], `${confirmationSegments} segments of ${character}`)
    }
    t.ok(roomForSentence({ ...acme, confirmationSegments: 2 }, 6, '山') > 60)
  })

  t.test(
    'with two segments every confirmation is in its own language, even with a domain',
    async t => {
      for (const origin of [null, 'login.example.com']) {
        for (const language of languages) {
          const text = confirmation({ origin, confirmationSegments: 2 }, language)
          const frames = wordings.find(wording => wording.language === language)?.confirmation ?? []
          const starts = frames.map(frame =>
            (frame.split('{brand}')[0] ?? '').replace('{code}', '042137')
          )
          t.ok(
            starts.some(start => text.startsWith(start)),
            text
          )
        }
      }
    }
  )
})

t.test('alphabet', async t => {
  t.test('every character that a brand may have is in the GSM alphabet', async t => {
    const allowed = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).filter(
      character => /[A-Za-z0-9 .&'+-]/.test(character)
    )
    t.equal(allowed.length, 68)
    // One septet each, so that no character of a brand shortens the message by two.
    t.equal(septets(allowed.join('')), 68)
  })

  t.test('nine languages use only the GSM alphabet in all versions', async t => {
    const inGsm7 = wordings.filter(
      ({ login, confirmation, phoneChange, longestTime }) =>
        septets(
          [...login, ...confirmation, ...phoneChange, longestTime].join('').replaceAll(/[{}]/g, '')
        ) < Infinity
    )
    t.same(
      inGsm7.map(({ language }) => language),
      ['en', 'de', 'es', 'fr', 'it', 'nl', 'pl', 'pt', 'tr']
    )
  })
})

t.test('text', async t => {
  t.test(
    'a login message starts with the code, then its lifetime and a warning not to share it',
    async t => {
      t.equal(
        login({}, 'en'),
        '042137 is your Acme login code. It expires in 1 minute. ' +
          "Don't share it, not even with our staff."
      )
      t.equal(
        login({ origin: 'login.example.com' }, 'de'),
        '042137 ist Ihr Anmeldecode für Acme. Er gilt 1 Minute. ' +
          'Geben Sie ihn an niemanden weiter, auch nicht an unsere Mitarbeiter.\n' +
          '@login.example.com #042137'
      )
      t.equal(
        login({ origin: 'login.example.com', androidHash: hash }, 'ja'),
        `042137 Acmeログインコード、1分間有効、共有禁止\n${hash}\n@login.example.com #042137`
      )
    }
  )

  t.test(
    'a confirmation starts differently from a login and has its sentence on its own line',
    async t => {
      t.equal(
        confirmation({}, 'en'),
        '042137 confirms this with Acme:\nSend 250.00 EUR to Grace Hopper\n' +
          'Expires in 1 minute. Never share the code.'
      )
      for (const { language, login, confirmation } of wordings) {
        t.ok(
          login.every(version => !version.includes('\n') && !/[:：]$/.test(version)),
          language
        )
        t.ok(
          confirmation.every(version => /[:：]\n\{action\}\n/.test(version)),
          language
        )
        for (const version of login)
          for (const other of confirmation)
            t.not(version.slice(0, 24), other.slice(0, 24), language)
      }
    }
  )

  t.test('a phone change says that the code confirms the number', async t => {
    t.equal(
      phoneChange({}, 'en'),
      '042137 confirms this number for your Acme account. It expires in 1 minute. ' +
        "Don't share it, not even with our staff."
    )
    t.equal(
      phoneChange({ origin: 'login.example.com', androidHash: hash }, 'de'),
      '042137 bestätigt diese Nummer für Ihr Konto bei Acme. Gilt 1 Minute. ' +
        `Code nicht weitergeben.\n${hash}\n@login.example.com #042137`
    )
    for (const { language, login, confirmation, phoneChange } of wordings) {
      t.ok(phoneChange.length > 1, language)
      for (const version of phoneChange)
        for (const other of [...login, ...confirmation])
          t.not(version.slice(0, 24), other.slice(0, 24), language)
    }
  })

  t.test('a language without a phone change sends it in English', async t => {
    const [english] = wordings
    const finnish = { ...english, language: 'fi', phoneChange: [] }
    const ownEnglish = { ...english, login: ['{code} for {brand}, {time}'], phoneChange: [] }
    for (const own of [[finnish], [finnish, ownEnglish]])
      t.equal(phoneChange({ wordings: wordingsWith(own) }, 'fi'), phoneChange({}, 'en'))
    t.same(languagesWithoutRoom({ ...acme, wordings: [english, finnish] }, 6, 60, []), [])
  })

  t.test('a login message that is too long loses the warning first, then its language', async t => {
    const brands = Array.from({ length: 30 }, (_, n) => 'b'.repeat(n + 1))
    for (const language of ['hi', 'ar', 'zh', 'zh-Hant', 'ja']) {
      const own = brands
        .map(brand => login({ brand, origin: 'example.com' }, language))
        .filter(text => septets(text) === Infinity)
      t.ok(own.length > 5, language)
      t.equal(Math.max(...own.map(text => text.length)), 70, `${language} uses all 70 code units`)
      const english = login({ brand: 'b'.repeat(30), origin: 'login.example.com' }, language)
      t.match(english, /^042137 is your b{30} login code\. .*\n@login\.example\.com #042137$/s)
    }
    const origins = Array.from({ length: 40 }, (_, n) => `${'o'.repeat(n + 1)}.example`)
    const english = origins
      .map(origin => login({ origin, androidHash: hash }, 'en'))
      .map(text => ({ length: text.length, full: text.includes('our staff') }))
    t.same(
      [
        Math.max(...english.filter(({ full }) => full).map(({ length }) => length)),
        Math.max(...english.map(({ length }) => length))
      ],
      [140, 140]
    )
    t.ok(english.some(({ full }) => !full))
  })

  t.test('a confirmation that is too long loses the app hash first, then its language', async t => {
    const settings = { origin: 'example.com', androidHash: hash }
    const short = confirmation(settings, 'es', 'Send 1 EUR to Ada')
    t.same(linesOf(short).slice(-2), [hash, '@example.com #042137'])
    t.ok(short.length <= 140)
    const longer = confirmation(settings, 'es', 'Send 250.00 EUR to Grace Hopper, Arlington')
    t.match(longer, /^042137 (es tu clave para autorizar|autoriza) esto en Acme:\n/)
    t.notOk(longer.includes(hash))
    const longest = confirmation(
      { ...settings, origin: 'login.example.com' },
      'fr',
      'x'.repeat(roomForSentence({ ...acme, origin: 'login.example.com' }, 6))
    )
    t.match(longest, /^042137 confirms with Acme:\nx+\nValid 1 minute\. Don't share\.\n/)
    t.equal(linesOf(longest).at(-1), '@login.example.com #042137')
    t.match(
      confirmation({}, 'zh', 'Pay 5 EUR to Ada'),
      /^042137 用于确认以下Acme操作：\nPay 5 EUR to Ada\n/,
      'the language is kept in UCS-2 if it fits'
    )
  })

  t.test('a brand that right-to-left text would reorder is isolated', async t => {
    const arabic = (brand: string) => login({ brand }, 'ar')
    for (const brand of ['Acme', 'Acme Bank', 'Bank 24', 'A'])
      t.notMatch(arabic(brand), /[\u2066-\u2069]/, brand)
    for (const brand of [
      '7-Eleven',
      '24 Hour Bank',
      '1-800 Bank',
      'Acme+',
      'Acme Inc.',
      '+Pay',
      '3M'
    ])
      t.match(arabic(brand), `\u2068${brand}\u2069`, brand)
    t.notMatch(login({ brand: '7-Eleven' }, 'hi'), /[\u2066-\u2069]/)
  })
})
