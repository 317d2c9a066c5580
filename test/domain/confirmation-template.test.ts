import t from 'tap'
import {
  fillTemplate,
  parseTemplate,
  dataErrors
} from '../../src/domain/confirmations/confirmation-template.ts'

const template = parseTemplate('Pay {amount} to {payee}')

t.test('templates', async t => {
  t.test('a template lists its placeholders and is filled with the values unchanged', async t => {
    const template = parseTemplate('Send {amount} {currency} to {payee}')
    t.same(template.placeholders, ['amount', 'currency', 'payee'])
    t.equal(
      fillTemplate(template, { amount: 250.5, currency: '$&', payee: '{amount}' }),
      'Send 250.5 $& to {amount}'
    )
  })

  for (const [sentence, reason] of [
    ['Send it', /no \{placeholder\}/],
    ['Send {amount', /a brace/],
    ['Send {{amount}}', /a brace/],
    ['Send {} to {payee}', /a brace/],
    ['Send { amount }', /a brace/],
    ['Send {1st}', /a brace/],
    ['Send {a-b}', /a brace/],
    ['Send {amount} and {amount}', /repeats a placeholder/],
    ['Send {amount}{currency}', /next to a word/],
    ['Send {amount}.{cents}', /next to a word/],
    ['Send {amount}.com', /next to a word/],
    ['Send {amount}EUR', /next to a word/],
    ['Send EUR{amount}', /next to a word/],
    ['Send to:{payee}', /next to a word/],
    ['See evil.{payee}', /next to a word/],
    ['No. 12{amount}', /next to a word/],
    ['Send {amount}\nnow', /on one line/],
    ['Send {amount} 💶', /only letters, digits/],
    ['Send\u200b {amount}', /invisible/],
    ['Send {amount} \u202eto', /invisible/]
  ] as const) {
    t.test(`the template ${JSON.stringify(sentence)} is refused`, async t => {
      t.throws(() => parseTemplate(sentence), { message: reason })
    })
  }

  t.test('a template may be in any script', async t => {
    for (const sentence of [
      'Envía {amount} {currency} a {payee}',
      'Wyślij {amount} {currency} do {payee}',
      '送金 {amount} {currency}、 {payee} 宛',
      'تحويل {amount} {currency} إلى {payee}',
      '{payee} को {amount} {currency} भेजें'
    ])
      t.ok(parseTemplate(sentence), sentence)
  })

  t.test('a placeholder may be next to punctuation', async t => {
    for (const sentence of [
      'Send €{amount} to {payee}.',
      'Order #{order} ({amount})',
      'Send "{amount}", now',
      '{amount}% for {payee}: right?'
    ])
      t.ok(parseTemplate(sentence), sentence)
  })
})

t.test('values', async t => {
  t.test('the values must match the placeholders exactly', async t => {
    t.same(dataErrors(template, { amount: 1, payee: 'x' }, 6), [])
    t.same(dataErrors(template, {}, 6), [
      { name: 'amount', detail: 'is required' },
      { name: 'payee', detail: 'is required' }
    ])
    t.same(dataErrors(template, { amount: 1, payee: 'x', toString: 'y' }, 6), [
      { name: 'toString', detail: 'is not a placeholder of this action' }
    ])
    t.same(
      dataErrors(parseTemplate('{constructor}'), {}, 6),
      [{ name: 'constructor', detail: 'is required' }],
      'inherited properties do not count'
    )
  })

  t.test(
    'a value that looks like a code of the configured length is refused unless it is an amount',
    async t => {
      const errorFor = (amount: unknown, codeLength = 6) =>
        dataErrors(template, { amount, payee: 'x' }, codeLength)[0]?.detail
      for (const accepted of [
        '100000',
        '100,000',
        '100 000.00',
        "1'000'000",
        '1234567 x',
        '12345 x',
        'x1234567',
        100000,
        -1.5
      ])
        t.equal(errorFor(accepted), undefined, String(accepted))
      for (const accepted of [
        'DE89 3704 0044 0532 0130 00',
        '12-34-56',
        'on 23-11-26',
        'order 123-4567'
      ])
        t.equal(errorFor(accepted), undefined, accepted)
      for (const refused of [
        'code 123456',
        '123456!',
        'x123456',
        'a 123456 b',
        'code 123-456',
        'code 123 456!',
        'G-123-456',
        '737-800',
        'enter 123 456'
      ])
        t.match(errorFor(refused), /like a code/, refused)
      for (const refused of ['code 12345678', 'code 1234-5678'])
        t.match(errorFor(refused, 8), /like a code/, refused)
      t.match(errorFor('code 123-4567', 7), /like a code/)
      t.equal(errorFor('x 123456', 8), undefined)
    }
  )

  t.test('an IP address is refused as a link while a grouped amount is accepted', async t => {
    const errorFor = (payee: unknown) => dataErrors(template, { amount: 1, payee }, 6)[0]?.detail
    for (const accepted of ['1.000.000.000', '1.250.000.000,00', '23.11.2026', '1.2.3'])
      t.equal(errorFor(accepted), undefined, accepted)
    for (const refused of [
      '93.184.216.34/pay',
      '93.184.216.34',
      'pay at 93.184.216.134',
      '93.184.216.134:80'
    ])
      t.match(errorFor(refused), /look like a link/, refused)
  })

  t.test('repeated spaces are refused because a phone could break the line there', async t => {
    t.match(
      dataErrors(template, { amount: 1, payee: `Grace${' '.repeat(20)}Good for 9 minutes.` }, 6),
      [{ name: 'payee', detail: /two spaces in a row/ }]
    )
  })

  t.test('a number is refused unless its digits can be shown exactly', async t => {
    const errorFor = (amount: number) => dataErrors(template, { amount, payee: 'x' }, 6)[0]?.detail
    for (const accepted of [0, -0, 1, -1, 0.1, 250.5, 123456789012345, 1234567890123.45])
      t.equal(errorFor(accepted), undefined, String(accepted))
    for (const refused of [NaN, Infinity, 1e21, 1e-7])
      t.match(errorFor(refused), /no exponent/, String(refused))
    for (const given of ['9007199254740993', '12345678901234567890', '1234567890.123456789'])
      t.match(errorFor(Number(given)), /15 digits/, `${given} would be shown as ${Number(given)}`)
  })
})

t.test('payees', async t => {
  const accepted = [
    'María García',
    'João Gonçalves',
    'Łukasz Żak',
    'Ayşe Yılmaz',
    'François Lefèvre',
    'Zoë Müller',
    'Anaïs',
    'O’Neil',
    '李雷',
    '山田太郎',
    '山田　太郎',
    'محمد علي',
    'राम',
    'علی‌رضا',
    'श्री राम',
    'Nguyễn Văn Đức',
    'Þórður',
    'Ελένη Παπαδοπούλου',
    'Яна Ёлкина',
    'คุณสมชาย',
    '김철수',
    'ABC株式会社',
    'דוד כהן',
    'Muller & Söhne (GmbH)',
    'Nestlé®',
    '250.00',
    '1,250.00',
    '1.250.000,00',
    '1 000 000',
    '100000',
    '1,00,000.00',
    'order-1815',
    'INV-2024-0117',
    'Invoice 2024-0117',
    'DE89 3704 0044 0532 0130 00',
    'DE89370400440532013000',
    'GB82 WEST 1234 5698 7654 32',
    'MT84 MALT 0110 0001 2345 MTLC AST0 01S',
    'RF18 5390 0754 7034',
    'FR14 2004 1010 0505 0001 3M02 606',
    '12-34-56',
    'on 23-11-26',
    '2026-11-26',
    '26.11.2026',
    'order 123-4567',
    '1234567 x',
    '12345 x',
    'x1234567',
    '1234567',
    'Flat 4, 12 High Street',
    'Grace Hopper',
    'J. R. Hopper',
    "O'Hara & Sons, Inc.",
    '12345678',
    'Room 101',
    '1.2.3',
    'Ringo Starr',
    'Ring GmbH 24',
    'Marks & Spencer plc',
    '三四郎',
    '二百五十',
    '零食の店',
    'Code Club',
    'account 12345678',
    'Grâce',
    '“Grace”',
    'Ελλάδα',
    '-1.5',
    '€5',
    '5 €',
    '3 x 100',
    'No. 7 (2026)',
    'Kim, 24/7 Shop 365',
    'Phone House',
    '[Grace] {Hopper} ~^|\\ €',
    'Grace #1 @home',
    'Unit 12 450 Main',
    '7-Eleven 1234',
    'Müller 2024/2025',
    'SEPA 2026-11',
    '0000123',
    '٢٥٠',
    'Bel Air 90210',
    'ISBN 978-3-16-148410-0',
    'Siemens AG',
    'Ørsted A/S',
    'L’Oréal S.A.',
    '7-Eleven, Inc.',
    '3M Deutschland GmbH',
    'Société Générale',
    'Tata Motors Ltd.',
    'Банк ВТБ (ПАО)',
    'トヨタ自動車株式会社',
    '中国工商银行',
    '삼성전자',
    'شركة أرامكو السعودية',
    'Ara Inc'
  ]

  const lookalikes = {
    'a code': [
      'code 48 39 20',
      'your code is 4839201',
      'Code: 48-39-20',
      'code 4 8 3 9 2 0',
      '4-8-3-9-2-0',
      '4 8 3 9 2 0',
      '48 39 20',
      'PIN 4839',
      'Ihr Code 48392011',
      '483 920 is your code',
      '٤٨٣٩٢٠ كود',
      'code ٤٨٣٩٢٠',
      'code ४८३९२०',
      'código: 4839201',
      '验证码4839201',
      'ref 123456.',
      '⑷⑻⑶⑼⑵⓪',
      '１２３４５６',
      '四八三九二〇',
      '四八三九二零',
      '𝟒𝟖𝟑𝟗𝟐𝟎 now'
    ],
    'a phone number': [
      '08001234567',
      'Ada 08001234567',
      'call +18005550199',
      'call 1-800-555-0199',
      '1-800-555-0199',
      '+1 (800) 555-0199',
      '+1 555-0123',
      'ring 0800 555 0199',
      '020 7946 0958',
      '06 12 34 56 78',
      '(800) 555-0199',
      'tel 08005550199',
      '+١٨٠٠٥٥٥٠١٩٩',
      'call +１８００５５５０１９９',
      '0049 151 23456789',
      'call 8005550199',
      'ruf 030/1234567'
    ],
    'a link': [
      'evil.com',
      'evil.com/x',
      'https://bank.example/x',
      'paypal.de-login.ru',
      'evil.com B.V.',
      'evil.example',
      'evil。com',
      'evil．com',
      'evil․com',
      'evil .com',
      'उदाहरण.भारत',
      'evil[.]com',
      'evil (dot) com',
      'evil dot com',
      'http://x',
      'mailto:x',
      'www.evil.test',
      'bit.ly/x',
      '1.2.3.4',
      'evil.xn--p1ai',
      'grace@evil.example'
    ]
  }

  const refused = [
    ['Gr\u200bace', /invisible/],
    ['Gr\u200cace', /invisible/],
    ['\u202eecarG', /invisible/],
    ['Gr\u2066ace', /invisible/],
    ['\u3164', /invisible/],
    ['Grace\ufe0f', /invisible/],
    ['Grace\u2028x', /one line/],
    ['Gra\u0301ce', /NFC/],
    ['x\u00a0y', /only letters/],
    ['💶', /only letters/],
    ['2\u0336 5', /combining/],
    ['e\u0338vil', /combining/],
    ['Аpple', /alphabets/],
    ['Grасе', /alphabets/],
    ['山田\u3000\u3000太郎', /two spaces in a row/],
    ['\ud800', /Unicode/]
  ] as const

  const detailFor = (payee: unknown, codeLength = 6) =>
    dataErrors(template, { amount: 1, payee }, codeLength)[0]?.detail

  for (const payee of accepted)
    t.test(`${payee} can be confirmed`, async t => {
      t.equal(detailFor(payee), undefined)
    })

  for (const [like, values] of Object.entries(lookalikes))
    for (const payee of values)
      t.test(`${JSON.stringify(payee)} is refused because it looks like ${like}`, async t => {
        t.match(detailFor(payee), `like ${like}`)
      })

  /** Escapes a value as ASCII, because a line separator in a test name breaks the TAP output. */
  const escaped = (value: string) =>
    JSON.stringify(value).replaceAll(
      /[^ -~]/gu,
      character => `\\u{${character.codePointAt(0)?.toString(16)}}`
    )

  for (const [payee, reason] of refused)
    t.test(`${escaped(payee)} is refused`, async t => {
      t.match(detailFor(payee), reason)
    })
})
