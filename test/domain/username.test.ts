import t from 'tap'
import { usernameError, usernameKey } from '../../src/domain/login/username.ts'

t.test('case, width and composition do not distinguish usernames', async t => {
  const same = [
    ['Ada', 'ada'],
    ['ＡＤＡ', 'ada'],
    ['Zoe\u0308', 'zo\u00eb'],
    ['\u212bngstr\u00f6m', '\u00e5ngstro\u0308m'],
    ['\ufb01n', 'fin'],
    ['ΣΑΣ', 'σας']
  ]
  for (const [first = '', second = ''] of same)
    t.equal(usernameKey(first), usernameKey(second), `${first} and ${second}`)
})

t.test('usernames that look different are different', async t => {
  const different = [
    ['ada', 'adа'],
    ['ada', 'ada '],
    ['ada', 'ad'],
    ['zoe', 'zo\u00eb'],
    ['a.da', 'ada']
  ]
  for (const [first = '', second = ''] of different)
    t.not(usernameKey(first), usernameKey(second), `${first} and ${second}`)
})

t.test('folding a key again changes nothing', async t => {
  for (const name of ['Ada', 'İstanbul', 'ǅ', 'ᾳ', 'ẞ', 'Ω', 'Ⅳ', '\u0130\u0307', 'ϓ', '㎅']) {
    t.equal(usernameKey(usernameKey(name)), usernameKey(name), name)
  }
})

t.test('the key of any valid character is stable when folded again', async t => {
  const broken = []
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point <= 0xdfff) continue
    const name = String.fromCodePoint(point)
    const key = usernameError(name) === undefined ? usernameKey(name) : ''
    if (usernameKey(key) !== key) broken.push(name)
  }
  t.same(broken, [])
})

t.test('usernames have 1 to 254 of the characters that e-mail addresses may have', async t => {
  for (const valid of [
    'a',
    'ada.lovelace',
    'Ada_1',
    'ada@example.com',
    'ada+x',
    "o'brien@example.com",
    'r&d@example.com',
    "!#$%&'*+-/=?^_{|}~.@x",
    'Zoë',
    '愛',
    'x'.repeat(254)
  ])
    t.equal(usernameError(valid), undefined, valid)
  for (const invalid of [
    '',
    'a b',
    'a\n',
    '\ta',
    'a\0',
    'a"b',
    'a`b',
    'a<b',
    'a(b)',
    'a,b',
    'a;b',
    'a\\b',
    '🔑',
    'a\u202eb',
    '\ud800'
  ])
    t.match(usernameError(invalid), /must consist of letters, digits/, JSON.stringify(invalid))
  for (const long of ['x'.repeat(255), '\ufdfa'.repeat(15), '😀'.repeat(128)])
    t.match(usernameError(long), /at most 254/, long)
})
