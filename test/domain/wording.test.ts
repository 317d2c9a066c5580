import t from 'tap'
import { parseWording, formatDuration } from '../../src/domain/messages/wording.ts'
import { wordingsWith } from '../../src/config/message-files.ts'

const wordings = wordingsWith([])
const [english] = wordings
const durations = (language: string, ...lifetimes: number[]) => {
  const wording = wordings.find(wording => wording.language === language) ?? english
  return lifetimes.map(lifetime => formatDuration(wording, lifetime))
}

t.test('a lifetime has the plural forms of its language', async t => {
  t.same(durations('en', 1, 2, 59, 60, 61, 90, 120, 599, 600), [
    '1 second',
    '2 seconds',
    '59 seconds',
    '1 minute',
    '61 seconds',
    '90 seconds',
    '2 minutes',
    '599 seconds',
    '10 minutes'
  ])
  t.same(durations('fr', 1, 60, 120), ['1 seconde', '1 minute', '2 minutes'])
  t.same(durations('pl', 60, 120, 300, 1, 3, 5, 12, 22, 25, 112, 122), [
    '1 minuta',
    '2 minuty',
    '5 minut',
    '1 sekunda',
    '3 sekundy',
    '5 sekund',
    '12 sekund',
    '22 sekundy',
    '25 sekund',
    '112 sekund',
    '122 sekundy'
  ])
  t.same(durations('ar', 60, 120, 180, 600, 11, 100), [
    'دقيقة',
    'دقيقتين',
    '3 دقائق',
    '10 دقائق',
    '11 ثانية',
    '100 ثانية'
  ])
  t.same(durations('tr', 60, 300, 30), ['1 dakika', '5 dakika', '30 saniye'])
  t.same(durations('ja', 60, 30), ['1分', '30秒'])
})

t.test('an invalid wording is refused with the reason', async t => {
  const { longestTime: _longest, ...valid } = english
  t.same(parseWording(valid), english)
  const oneLogin = (version: string) => ({ login: [...valid.login, version] })
  for (const [change, reason] of [
    [oneLogin('{code} for {brand}, {time}, {name}'), /the unknown placeholder \{name\} in login/],
    [oneLogin('{code} for {brand}'), /must have \{time\} exactly once in each version of login/],
    [oneLogin('{code} for {brand}, {time}. {code}!'), /must have \{code\} exactly once/],
    [
      oneLogin('Your code: {code} for {brand}, {time}'),
      /must be one line that begins with \{code\}/
    ],
    [oneLogin('{code}0 for {brand}, {time}'), /begins with \{code\} and a space/],
    [oneLogin('{code} for {brand}\n{time}'), /must be one line/],
    [oneLogin('{code} for {brand}, {time} {'), /must not contain braces, @, #/],
    [oneLogin('{code} for {brand}, {time} @evil.example #000000'), /must not contain braces, @, #/],
    [oneLogin('{code} for {brand}, {time}\u202e'), /invisible characters/],
    [
      { phoneChange: ['{code} for {brand}'] },
      /must have \{time\} exactly once in each version of phoneChange/
    ],
    [
      { phoneChange: ['New number: {code} for {brand}, {time}'] },
      /invalid version of phoneChange: each must be one line that begins with \{code\}/
    ],
    [{ confirmation: ['{code} confirms {action} with {brand}, {time}'] }, /must have three lines/],
    [
      { confirmation: ['{code} confirms with {brand}:\n{action}'] },
      /must have \{time\} exactly once/
    ],
    [
      { notices: { phoneChanged: ['{brand}: new number'] } },
      /must have \{ending\} exactly once in each version of notices\.phoneChanged/
    ],
    [
      { notices: { phoneChanged: ['{brand}: {code} {ending}'] } },
      /the unknown placeholder \{code\} in notices\.phoneChanged/
    ],
    [{ notices: { phoneChanged: ['{brand}:\n{ending}'] } }, /each must be one line/],
    [{ minutes: { one: 'a minute' } }, /no minutes\.other, which 2 needs/],
    [{ language: 'pl' }, /no minutes\.few, which 2 needs|no seconds\.few, which 2 needs/],
    [{ minutes: { one: '{count} minute', other: 'minutes' } }, /the same words for two lifetimes/],
    [
      { seconds: { one: '{n} second', other: '{count} seconds' } },
      /only \{count\} and plain words in seconds\.one/
    ],
    [{ seconds: { one: 'a\nsecond', other: '{count} seconds' } }, /plain words in seconds\.one/]
  ] as const)
    t.throws(
      () => parseWording({ ...valid, ...change }),
      { message: reason },
      JSON.stringify(change)
    )
})
