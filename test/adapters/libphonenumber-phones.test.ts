import { getCountries, getExampleNumber } from 'libphonenumber-js/max'
import examples from 'libphonenumber-js/mobile/examples'
import t from 'tap'
import { canonicalPhone, phoneError } from '../../src/adapters/sms/libphonenumber-phones.ts'

t.test('format', async t => {
  t.test('a number is accepted in common notations and stored in one form', async t => {
    const spellings = {
      '+14155552673': [
        '+1 (415) 555-2673',
        '+1 415 555 2673',
        ' +1.415.555.2673\n',
        '\u202a+14155552673\u202c',
        '\u200e+1\u00a0415\u2011555\u20132673',
        '\u2066+1 415\u200b555\u00ad2673\u2069\ufeff',
        '(+1) 415/555-2673',
        '＋１（４１５）５５５－２６７３',
        '+١ ٤١٥ ٥٥٥ ٢٦٧٣',
        '+१ ४१५ ५५५ २६७३',
        '+۱ ۴۱۵ ۵۵۵ ۲۶۷۳'
      ],
      '+447400123456': ['+44 (0)7400 123456', '+4407400123456', '+44 7400 123 456'],
      '+4915112345678': ['+49015112345678', '+49 (0) 151/123 456 78'],
      '+5491123456789': ['+54 11 15-2345-6789', '+54 9 11 2345-6789'],
      '+390612345678': ['+39 06 1234 5678']
    }
    for (const [canonical, written] of Object.entries(spellings))
      for (const phone of written) {
        t.equal(canonicalPhone(phone), canonical, phone)
        t.equal(phoneError(phone, '*'), undefined, phone)
      }
  })

  t.test('a national prefix after the country code is removed for every country', async t => {
    for (const country of getCountries()) {
      const mobile = getExampleNumber(country, examples)
      if (mobile === undefined) throw new Error(`no example for ${country}`)
      const written = `+${mobile.countryCallingCode} ${mobile.formatNational()}`
      t.equal(canonicalPhone(written), mobile.number, written)
      t.equal(canonicalPhone(mobile.number), mobile.number, 'canonical already')
    }
  })

  t.test('text outside the numbering plan is kept for the operator to see', async t => {
    for (const phone of ['+15550001111', 'no number', '+1 415', ''])
      t.equal(canonicalPhone(phone), phone)
  })

  t.test('text that is not a number in E.164 form is refused and not repeated', async t => {
    for (const phone of [
      '',
      '12025550106',
      '+1202555010',
      '+120255501067',
      '+00000000',
      '++12025550106',
      '+1 202\n555 0106',
      '+1 202 555 0106 x2',
      '+1202555O106',
      'call +12025550106',
      '+1 202 555 0106, +1 202 555 0107',
      '+12025550106;ext=1',
      '+99912345678'
    ]) {
      t.equal(
        phoneError(phone, '*'),
        'The phone must be a valid number in E.164 form, like +14155550100.',
        phone
      )
    }
  })

  t.test('an international prefix instead of + is named in the error', async t => {
    for (const phone of ['0012025550106', '0049 1512 3456789', ' 00 44 7400 123456'])
      t.equal(
        phoneError(phone, '*'),
        'The phone must begin with + instead of 00, like +14155550100.'
      )
  })
})

t.test('line types', async t => {
  t.test('mobile and fixed lines are accepted', async t => {
    for (const phone of [
      '+12025550106',
      '+14165550123',
      '+447400123456',
      '+4915123456789',
      '+442079460958',
      '+15005550006'
    ]) {
      t.equal(phoneError(phone, '*'), undefined, phone)
      t.equal(phoneError(phone, undefined), undefined, phone)
    }
  })

  t.test('premium-rate and non-personal lines are refused with their type', async t => {
    const kinds = {
      'premium rate': '+19002345678',
      'toll free': '+18002345678',
      'shared cost': '+33820123456',
      'personal number': '+447012345678',
      voip: '+445612345678',
      pager: '+447640123456',
      uan: '+445512345678',
      voicemail: '+41860791234567'
    }
    for (const [kind, phone] of Object.entries(kinds))
      t.match(phoneError(phone, '*'), new RegExp(`this one is of the kind ${kind}\\.`), phone)
  })
})

t.test('countries', async t => {
  t.test("a country's own mobile numbers are accepted when only it is listed", async t => {
    for (const country of getCountries())
      t.equal(
        phoneError(getExampleNumber(country, examples)?.number ?? '', [country]),
        undefined,
        country
      )
  })

  t.test('listing a country does not accept neighbours that have their own ranges', async t => {
    for (const [country, phone] of [
      ['MF', '+590590201234'], // a landline of Guadeloupe
      ['AX', '+358919123456'], // Helsinki
      ['VA', '+390612345678'], // Rome
      ['GB', '+447797712345'], // Jersey
      ['IM', '+447400123456'],
      ['US', '+14165550123'],
      ['US', '+18765550123'], // Jamaica
      ['RU', '+77710009998'] // Kazakhstan
    ] as const)
      t.match(phoneError(phone, [country]), /SMS_COUNTRIES does not list/, `${country} ${phone}`)
  })

  t.test('a number of an unlisted country is refused even with a shared calling code', async t => {
    t.equal(phoneError('+14165550123', ['US', 'CA']), undefined)
    t.match(phoneError('+14165550123', ['US']), /SMS_COUNTRIES does not list \(CA\)/)
    t.match(phoneError('+18765550123', ['US', 'CA']), /\(JM\)/)
  })
})
