import { readFileSync } from 'node:fs'
import t from 'tap'
import { problemKinds } from '../../src/http/problems/problem-kinds.ts'
import { problemSchema } from '../../src/http/problems/problem.ts'

// A file of the demo page, which is not part of the type check of the tests.
const page = new URL('../../src/demo/page/problem-texts.js', import.meta.url)
const { accountTexts, attemptTexts, problemTexts, wrongCodeTexts } = await import(page.href)
const messages: Record<string, string> = JSON.parse(
  readFileSync(new URL('../../examples/error-messages.json', import.meta.url), 'utf8')
)

/** Returns the texts with renamed keys. */
const renamed = (texts: Record<string, string>, rename: (key: string) => string) =>
  Object.fromEntries(Object.entries(texts).map(([key, text]) => [rename(key), text]))

t.test(
  'there is a message for every problem, every reason, no response and unknown problems',
  async t => {
    const reasons = problemSchema.shape.reason.unwrap().options
    t.same(
      Object.keys(messages).sort(),
      [
        ...Object.keys(problemKinds),
        'invalid-credentials:account',
        'sms-undeliverable:account',
        'wrong-code:0',
        'wrong-code:1',
        'wrong-code:locked',
        ...reasons.map(reason => `too-many-attempts:${reason}`),
        'unreachable',
        'unknown'
      ].sort()
    )
  }
)

t.test('the demo page shows the same messages', async t => {
  t.same(messages, {
    ...problemTexts,
    'wrong-code:0': wrongCodeTexts[0],
    'wrong-code:1': wrongCodeTexts[1],
    'wrong-code:locked': wrongCodeTexts.locked,
    ...renamed(attemptTexts, reason => `too-many-attempts:${reason}`),
    ...renamed(accountTexts, slug => `${slug}:account`)
  })
})

t.test('every message is a sentence for users without API terms', async t => {
  for (const [slug, message] of Object.entries(messages)) {
    t.match(message, /^[A-Z].{10,110}\.$/, slug)
    t.notMatch(message, /[`_/]|POST|token|header|JSON|detail|Retry-After/i, slug)
  }
})
