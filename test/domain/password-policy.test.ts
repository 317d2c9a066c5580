import t from 'tap'
import { commonPasswords } from '../../src/adapters/zxcvbn-common-passwords.ts'
import { whyNotPassword } from '../../src/domain/password-policy.ts'

const isCommon = commonPasswords()
const why = (password: string, username = 'ada') => whyNotPassword(password, username, isCommon)

t.test('eight characters are enough, of whatever kind, and are counted as people do', async t => {
  for (const password of ['xkcdsoup', '        ', '🐫🐢🦀🐙🐞🦉🐝🐌', '\0\0\0\0\0\0\0\0', 'пароль и суп', 'x'.repeat(256)]) t.equal(why(password), undefined, JSON.stringify(password))
  for (const password of ['', 'xkcdsou', '🐫🐢🦀🐙🐞🦉🐝']) t.match(why(password), /at least 8/, JSON.stringify(password))
  t.match(why('x'.repeat(257)), /at most 256/)
})

t.test('a password that can not be sent as UTF-8 is refused', async t => {
  t.match(why('half of one: \ud83d'), /Unicode/)
})

t.test('what attackers try first is refused, in whatever case', async t => {
  for (const password of ['password', 'PassWord', '12345678', 'qwertyuiop', 'iloveyou1']) t.match(why(password), /common/, password)
})

t.test('a password that holds the username is refused, in whatever case and width', async t => {
  for (const password of ['ada and the engine', 'Canada2026', 'the ＡＤＡ thing']) t.match(why(password), /username/, password)
  t.equal(why('enjoy the silence', 'jo'), undefined, 'but one or two letters are in every other word')
})
