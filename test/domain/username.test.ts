import t from 'tap'
import { usernameKey, usernamePattern } from '../../src/domain/username.ts'

t.test('case, width and composition do not tell two people apart', async t => {
  const same = [['Ada', 'ada'], ['ＡＤＡ', 'ada'], ['Zoe\u0308', 'zo\u00eb'], ['\u212bngstr\u00f6m', '\u00e5ngstro\u0308m'], ['\ufb01n', 'fin'], ['ΣΑΣ', 'σας']]
  for (const [one = '', other = ''] of same) t.equal(usernameKey(one), usernameKey(other), `${one} and ${other}`)
})

t.test('what reads differently is different', async t => {
  const different = [['ada', 'adа'], ['ada', 'ada '], ['ada', 'ad'], ['zoe', 'zo\u00eb'], ['a.da', 'ada']]
  for (const [one = '', other = ''] of different) t.not(usernameKey(one), usernameKey(other), `${one} and ${other}`)
})

t.test('folding a key once more changes nothing', async t => {
  for (const name of ['Ada', 'İstanbul', 'ǅ', 'ᾳ', 'ẞ', 'Ω', 'Ⅳ', '\u0130\u0307', 'ϓ', '㎅']) {
    t.equal(usernameKey(usernameKey(name)), usernameKey(name), name)
  }
})

t.test('folding never changes what a name may hold', async t => {
  const broken = []
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point <= 0xdfff) continue
    const name = String.fromCodePoint(point)
    const key = usernamePattern.test(name) ? usernameKey(name) : ''
    if (usernameKey(key) !== key) broken.push(name)
  }
  t.same(broken, [])
})

t.test('names are 1 to 64 letters, digits and a few signs', async t => {
  for (const good of ['a', 'ada.lovelace', 'Ada_1', 'ada@example.com', 'ada+x', 'Zoë', '愛', 'x'.repeat(64)]) t.ok(usernamePattern.test(good), good)
  for (const bad of ['', 'x'.repeat(65), 'a b', 'a\n', '\ta', 'a\0', 'a"b', "a'b", 'a<b', 'a/b', '🔑', 'a\u202eb', '\ud800']) {
    t.notOk(usernamePattern.test(bad), JSON.stringify(bad))
  }
})
