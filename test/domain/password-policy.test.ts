import t from 'tap'
import { createCommonPasswords } from '../../src/adapters/secrets/zxcvbn-common-passwords.ts'
import { passwordError } from '../../src/domain/login/password-policy.ts'

const weaknessOf = createCommonPasswords()
const errorFor = (password: string, username = 'ada') =>
  passwordError(password, username, weaknessOf)

t.test(
  'a password has 8 to 256 characters of any kind, counted as users perceive them',
  async t => {
    for (const password of [
      'xkcdsoup',
      '🐫🐢🦀🐙🐞🦉🐝🐌',
      'xkcd\0soup',
      'x k c d s o u p',
      'пароль и суп',
      Array.from({ length: 256 }, (_, i) => String.fromCodePoint(0x4e00 + ((i * i) % 5000))).join(
        ''
      )
    ])
      t.equal(errorFor(password), undefined, JSON.stringify(password))
    for (const password of ['', 'xkcdsou', '🐫🐢🦀🐙🐞🦉🐝'])
      t.match(errorFor(password), /at least 8/, JSON.stringify(password))
    t.match(errorFor('x'.repeat(257)), /at most 256/)
  }
)

t.test('a password that cannot be encoded as UTF-8 is refused', async t => {
  t.match(errorFor('half a character: \ud83d'), /Unicode/)
})

t.test('a common password is refused in any case', async t => {
  for (const password of ['password', 'PassWord', '12345678', 'qwertyuiop', 'iloveyou1'])
    t.match(errorFor(password), /common/, password)
})

t.test('a password that contains the username is refused in any case and width', async t => {
  for (const password of ['ada and the engine', 'Canada2026', 'the ＡＤＡ thing'])
    t.match(errorFor(password), /username/, password)
  t.equal(
    errorFor('enjoy the silence', 'jo'),
    undefined,
    'a username of one or two letters is ignored'
  )
})

t.test('a repetition, a sequence or a keyboard row is refused', async t => {
  for (const password of [
    'aaaaaaaaaaaaaaaa',
    '        ',
    '\u00a0\u2003\u3000 \u00a0\u2003\u3000 ',
    '12345678901234567890',
    '09876543210987654321',
    'abcdefghijklmnopqrstuvwxyz',
    'ZYXWVUTSRQPONM',
    'abcabcabcabc',
    'aaaabbbb',
    '1212121212121212',
    'qwertyuiopasdfghjkl',
    'asdfghjkl;',
    'zxcvbnm,./',
    'azertyuiop',
    '1qaz2wsx3edc4rfv',
    'ｑｗｅｒｔｙｕｉｏｐ',
    'абвгдежз',
    'яяяяяяяя',
    '😀😀😀😀😀😀😀😀',
    '😀😁😂😃😄😅😆😇',
    'passwordpassword',
    'x'.repeat(256)
  ])
    t.match(errorFor(password), /easy to guess|common/, JSON.stringify(password))
})

t.test('invisible characters neither count nor hide a common password', async t => {
  for (const password of [
    '\0'.repeat(8),
    '\t\n\t\n\t\n\t\n',
    '\u200b'.repeat(8),
    '\u200b\u200c\u200d\u2060\ufeff\u00ad\u3164\u2800\u115f',
    '\u{e0001}'.repeat(8),
    'abc\u200bx\u200by\u200bz\u200b'
  ])
    t.match(errorFor(password), /can be seen/, JSON.stringify(password))
  for (const password of ['pass\u200bword', 'q\u00adwertyuiop', 'aaaa\u2060aaaa'])
    t.match(errorFor(password), /common|easy to guess/, JSON.stringify(password))
})

t.test('the length of a password is the length of its composed form', async t => {
  t.match(errorFor('zoe\u0308 xkc'), /at least 8/)
  t.equal(errorFor('zoe\u0308 xkcd'), undefined)
})
