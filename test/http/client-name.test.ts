import fc from 'fast-check'
import t from 'tap'
import { clientName } from '../../src/http/requests/client-name.ts'

const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)'

for (const [userAgent, name] of [
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/142.0.0.0 Safari/537.36`,
    'Chrome on Windows'
  ],
  [
    `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${webkit} ` +
      'Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0',
    'Microsoft Edge on macOS'
  ],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 ' +
      '(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
    'Safari on iOS'
  ],
  ['MyBank/3.2 (com.bank.app; build:12; iOS 18.5.0) Alamofire/5.9', 'MyBank'],
  ['My Bank 2/12 CFNetwork/1496.0.7 Darwin/23.5.0', 'My Bank 2'],
  ['okhttp/4.12.0', 'okhttp'],
  ['curl/8.5.0', 'curl'],
  ['PostmanRuntime/7.43.0', 'PostmanRuntime'],
  ['node', 'node'],
  ['Mozilla/5.0', null],
  ['Mozilla/5.0 (X) \u001b[31mred/1 <script>', 'Mozilla'],
  ['\u001b[31mred/1', null],
  ['<script>alert(1)</script>', null],
  ['', null],
  [undefined, null]
] as const) {
  t.test(`${JSON.stringify(userAgent)?.slice(0, 60)} is ${name}`, async t => {
    t.equal(clientName(userAgent), name)
  })
}

t.test('any User-Agent gives a short name of letters, digits and some punctuation', async t => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', maxLength: 3000 }),
      fc.constantFrom('', 'Mozilla/5.0 (', 'Mozilla/5.0 (X11; Linux) '),
      (text, start) => {
        return /^[\w. -]{1,64}$/.test(clientName(start + text) ?? 'none')
      }
    )
  )
  t.pass()
})
