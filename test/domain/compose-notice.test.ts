import { SegmentedMessage } from 'sms-segments-calculator'
import t from 'tap'
import { wordingsWith } from '../../src/config/message-files.ts'
import { composeNotice, noticesWithoutRoom } from '../../src/domain/messages/compose-notice.ts'
import { noticeNames, type Notice } from '../../src/domain/messages/notice.ts'
import type { Wording } from '../../src/domain/messages/wording.ts'

const wordings = wordingsWith([])
const [english] = wordings
const phoneChanged: Notice = { name: 'phoneChanged', values: { ending: '06' } }
const compose = (language: string, brand = 'sms-login', own: readonly Wording[] = []) =>
  composeNotice({ brand, wordings: wordingsWith(own) }, [language], phoneChanged)
const segmentsOf = (text: string) => new SegmentedMessage(text).segmentsCount

t.test('each built-in language has every notice in one segment with the default brand', async t => {
  for (const wording of wordings) {
    t.same(Object.keys(wording.notices).sort(), noticeNames.toSorted(), wording.language)
    t.same(noticesWithoutRoom({ brand: 'sms-login', wordings }, wording), [], wording.language)
    const text = compose(wording.language)
    t.equal(segmentsOf(text), 1, text)
    t.match(text, /sms-login/)
    t.match(text, /06/)
    if (wording !== english) t.not(text, compose('en'), `${wording.language} is not English`)
  }
})

t.test('no notice contains a link or anything that looks like a code', async t => {
  for (const wording of wordings)
    for (const text of noticeNames.flatMap(name => wording.notices[name] ?? []))
      t.notMatch(text, /\d|https?:|www\.|\w\.\w|@|#/, text)
})

t.test('a notice names the last digits and asks the user to respond', async t => {
  t.equal(
    compose('en', 'Acme'),
    'The phone number for your Acme login was changed to one ending in 06. ' +
      "If you didn't do this, contact us at once."
  )
  t.equal(
    compose('de-AT', 'Acme'),
    'Die Telefonnummer für Ihre Anmeldung bei Acme wurde geändert und endet jetzt auf 06. ' +
      'Wenn Sie das nicht waren, kontaktieren Sie uns sofort.'
  )
})

t.test('with a long brand, a notice uses a shorter version or else English', async t => {
  const brand = "Brand & Sons' 30 letters + 1-2".padEnd(30, '.')
  for (const { language } of wordings) {
    const text = compose(language, brand)
    t.equal(segmentsOf(text), 1, text)
    t.ok(text.includes(brand), text)
  }
  t.match(compose('nl', brand), /^Brand.*: je telefoonnummer/)
  t.equal(compose('hi', brand), compose('en', brand))
  const hindi = wordings.find(({ language }) => language === 'hi') ?? english
  t.same(noticesWithoutRoom({ brand, wordings }, hindi), ['phoneChanged'])
})

t.test('a language without notices gets them in English', async t => {
  const finnish = { ...english, language: 'fi', notices: {} }
  t.equal(compose('fi', 'Acme', [finnish]), compose('en', 'Acme'))
  t.same(noticesWithoutRoom({ brand: 'Acme', wordings }, finnish), [])
  const ownEnglish = { ...english, login: ['{code} for {brand}, {time}'], notices: {} }
  t.equal(
    compose('en', 'Acme', [ownEnglish]),
    compose('en', 'Acme'),
    'with own English messages too'
  )
})

t.test('a brand with digits keeps its order in right-to-left text', async t => {
  t.match(compose('ar', '7-Eleven'), /\u20687-Eleven\u2069/)
})
