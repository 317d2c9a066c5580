import { SegmentedMessage } from 'sms-segments-calculator'
import t from 'tap'
import { codeText, hasRoomForLogin, roomForSentence, type Texts } from '../../src/domain/code-text.ts'
import { septets } from '../../src/domain/gsm7.ts'
import { wordingsWith } from '../../src/wordings.ts'
import { parseOriginBoundCode } from '../support/origin-bound-code.ts'

const wordings = wordingsWith([])
const languages = wordings.map(({ language }) => language)
const acme: Texts = { brand: 'Acme', origin: null, androidHash: null, wordings }
const hash = 'FA+9qCX9VSu'
const longBrand = "Brand & Sons' 30 letters + 1-2".padEnd(30, '.')
// One for each form of a number that a language has, and the longest.
const lifetimes = [1, 2, 3, 22, 60, 120, 180, 599, 600]
const login = (texts: Partial<Texts>, language: string, code = '042137', lifetime = 60) => codeText({ ...acme, ...texts }, [language], { code, lifetime, sentence: null })
const confirmation = (texts: Partial<Texts>, language: string, sentence = 'Send 250.00 EUR to Grace Hopper', lifetime = 60) => codeText({ ...acme, ...texts }, [language], { code: '042137', lifetime, sentence })
const linesOf = (text: string) => text.split('\n')
const isOne = (text: string) => new SegmentedMessage(text).segmentsCount === 1

t.test('the parser reads the messages that the specification has as examples, and only those', async t => {
  const parsed = { origin: 'https://example.com', code: '747723', embedded: null, rest: '' }
  t.same(parseOriginBoundCode('747723 is your ExampleCo authentication code.\n\n@example.com #747723'), parsed)
  t.same(parseOriginBoundCode('Text\r\n@example.com #747723 @ecommerce.example'), { ...parsed, embedded: 'https://ecommerce.example' })
  t.same(parseOriginBoundCode('@example.com #747723 @ecommerce.example $future'), { ...parsed, embedded: 'https://ecommerce.example', rest: ' $future' })
  for (const none of ['something @example.com #747723', '#747723 @ecommerce.example @example.com', '@example.com code #747723', '@example.com  #747723', '@example.com #747723\n', '@ #747723', '@example.com #', '']) t.equal(parseOriginBoundCode(none), null, none)
})

t.test('every language is one segment and read back to the right domain and code, with the longest brand, code and lifetime', async t => {
  let read = 0
  for (const language of languages) {
    for (const brand of ['Acme Bank', longBrand]) {
      for (const origin of [null, 'login.example.com', 'login.a-long-name.example']) {
        for (const androidHash of [null, hash]) {
          for (const code of ['042137', '0421379', '04213799']) {
            if (origin?.length === 25 && brand === longBrand && androidHash !== null) continue // refused at the start: see below
            for (const lifetime of lifetimes) {
              const text = login({ brand, origin, androidHash }, language, code, lifetime)
              const { encodingName, segmentsCount } = new SegmentedMessage(text)
              const lines = linesOf(text)
              const wrong = [
                segmentsCount !== 1 && 'more than one segment',
                !text.startsWith(`${code} `) && 'the code is not first',
                !lines[0]?.includes(brand) && 'no brand',
                lines.length !== 1 + Number(origin !== null) + Number(androidHash !== null) && 'lines',
                origin !== null && lines.at(-1) !== `@${origin} #${code}` && 'the last line',
                androidHash !== null && lines[1] !== androidHash && 'the hash',
                androidHash !== null && (encodingName === 'GSM-7' ? Buffer.byteLength(text, 'latin1') : 2 * text.length) > 140 && 'more than 140 bytes'
              ].filter(Boolean)
              if (wrong.length > 0) t.fail(`${wrong.join(', ')}: ${text}`)
              const parsed = parseOriginBoundCode(text)
              if (origin === null ? parsed !== null : JSON.stringify(parsed) !== JSON.stringify({ origin: `https://${origin}`, code, embedded: null, rest: '' })) t.fail(`read as ${JSON.stringify(parsed)}: ${text}`)
              read++
            }
          }
        }
      }
    }
  }
  t.ok(read > 3000, `${read} texts`)
})

t.test('with an ordinary brand and domain everybody is told the code in their own language', async t => {
  for (const language of languages) {
    const text = login({ brand: 'Acme Bank', origin: 'login.example.com' }, language, '042137', 600)
    t.equal(language !== 'en' && text.includes('login code'), false, text)
    t.ok(isOne(text))
  }
})

t.test('every character that a brand may have is in the GSM alphabet', async t => {
  const allowed = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).filter(character => /[A-Za-z0-9 .&'+-]/.test(character))
  t.equal(allowed.length, 68)
  // One septet each, so that none of them doubles the price.
  t.equal(septets(allowed.join('')), 68)
})

t.test('the languages that can do without are in the GSM alphabet, in all versions', async t => {
  const inGsm7 = wordings.filter(({ login, confirmation, longestTime }) => septets([...login, ...confirmation, longestTime].join('').replaceAll(/[{}]/g, '')) < Infinity)
  t.same(inGsm7.map(({ language }) => language), ['en', 'de', 'es', 'fr', 'it', 'nl', 'pl', 'pt', 'tr'])
})

t.test('the code comes first, and the text says how long it is good and not to share it', async t => {
  t.equal(login({}, 'en'), "042137 is your Acme login code. It is good for 1 minute. Don't share it: we will never ask you for it.")
  t.equal(login({ origin: 'login.example.com' }, 'de'), '042137 ist Ihr Anmeldecode für Acme. Er gilt 1 Minute. Geben Sie ihn nicht weiter: Wir fragen nie danach.\n@login.example.com #042137')
  t.equal(login({ origin: 'login.example.com', androidHash: hash }, 'ja'), `042137 Acmeログインコード、1分有効、他言無用\n${hash}\n@login.example.com #042137`)
})

t.test('a confirmation is told apart from a login at first sight, with its sentence on a line of its own', async t => {
  t.equal(confirmation({}, 'en'), '042137 confirms this with Acme:\nSend 250.00 EUR to Grace Hopper\nGood for 1 minute. Never share it.')
  for (const { language, login, confirmation } of wordings) {
    t.ok(login.every(version => !version.includes('\n') && !/[:：]$/.test(version)), language)
    t.ok(confirmation.every(version => /[:：]\n\{action\}\n/.test(version)), language)
    for (const one of login) for (const other of confirmation) t.not(one.slice(0, 24), other.slice(0, 24), language)
  }
})

t.test('what is too long gives way step by step: "don\'t share", then the language; the autofill line never does', async t => {
  const brands = Array.from({ length: 30 }, (_, n) => 'b'.repeat(n + 1))
  for (const language of ['hi', 'ar', 'zh', 'zh-Hant', 'ja']) {
    const own = brands.map(brand => login({ brand, origin: 'example.com' }, language)).filter(text => septets(text) === Infinity)
    t.ok(own.length > 5, language)
    t.equal(Math.max(...own.map(text => text.length)), 70, `${language} is used up to the last unit`)
    const english = login({ brand: 'b'.repeat(30), origin: 'login.example.com' }, language)
    t.match(english, /^042137 is your b{30} login code\. .*\n@login\.example\.com #042137$/s)
  }
  const origins = Array.from({ length: 40 }, (_, n) => `${'o'.repeat(n + 1)}.example`)
  const english = origins.map(origin => login({ origin, androidHash: hash }, 'en')).map(text => ({ length: text.length, full: text.includes('never ask') }))
  t.same([Math.max(...english.filter(({ full }) => full).map(({ length }) => length)), Math.max(...english.map(({ length }) => length))], [140, 140])
  t.ok(english.some(({ full }) => !full))
})

t.test('in a confirmation the hash gives way before the language, and both before a word of the sentence', async t => {
  const texts = { origin: 'example.com', androidHash: hash }
  const short = confirmation(texts, 'es', 'Send 1 EUR to Ada')
  t.same(linesOf(short).slice(-2), [hash, '@example.com #042137'])
  t.ok(short.length <= 140)
  const longer = confirmation(texts, 'es', 'Send 250.00 EUR to Grace Hopper, Arlington')
  t.match(longer, /^042137 confirma esto en Acme:\n/)
  t.notOk(longer.includes(hash))
  const longest = confirmation({ ...texts, origin: 'login.example.com' }, 'fr', 'x'.repeat(roomForSentence({ ...acme, origin: 'login.example.com' }, 6)))
  t.match(longest, /^042137 confirms with Acme:\nx+\nValid 1 minute\. Don't share\.\n/)
  t.equal(linesOf(longest).at(-1), '@login.example.com #042137')
  t.match(confirmation({}, 'zh', 'Pay 5 EUR to Ada'), /^042137 用于在Acme确认：\nPay 5 EUR to Ada\n/, 'in UCS-2 too, where it fits')
})

t.test('a sentence for which there is room fits in every language, to the last septet, with any lifetime; one more does not', async t => {
  for (const origin of [null, 'login.example.com']) {
    for (const androidHash of [null, hash]) {
      const texts = { ...acme, brand: longBrand, origin, androidHash }
      const room = roomForSentence(texts, 6)
      for (const language of languages) {
        for (const lifetime of lifetimes) {
          for (const length of [1, 20, room - 10, room]) if (!isOne(confirmation(texts, language, 'x'.repeat(length), lifetime))) t.fail(`${language}, ${length} septets, ${lifetime} s`)
        }
      }
      t.notOk(isOne(confirmation(texts, 'en', 'x'.repeat(room + 1), 599)), `${room + 1} septets`)
      t.notOk(isOne(confirmation(texts, 'en', '€'.repeat(room / 2 + 1), 599)))
    }
  }
})

t.test('there is room for a login as long as the shortest version fits with the longest lifetime', async t => {
  const [english] = wordings
  const room = (origin: string, androidHash: string | null) => hasRoomForLogin({ brand: longBrand, origin, androidHash, wordings }, english, 8)
  const longest = (most: number) => Array.from({ length: 60 }, (_, n) => `${'o'.repeat(n + 1)}.example`).filter(origin => room(origin, most === 140 ? hash : null)).at(-1) ?? ''
  for (const [androidHash, most] of [[null, 160], [hash, 140]] as const) {
    const origin = longest(most)
    t.equal(Math.max(...lifetimes.map(lifetime => login({ brand: longBrand, origin, androidHash }, 'en', '04213799', lifetime).length)), most)
  }
})
