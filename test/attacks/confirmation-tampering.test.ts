import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt } from 'jose'
import fc from 'fast-check'
import { SegmentedMessage } from 'sms-segments-calculator'
import t from 'tap'
import { Prisma } from '../../src/adapters/prisma/client.ts'
import { readConfig } from '../../src/config/config.ts'
import { differentCode, slugOf, startApp, transfer } from '../support/start-app.ts'

const shared = {
  secrets: [Buffer.alloc(32, 1)],
  signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey]
} as const
const grace = { username: 'grace', password: 'a perfectly fine password', phone: '+12025550177' }

t.test('session and action', async t => {
  t.test('only the session that requested a confirmation can continue it', async t => {
    const {
      addUser,
      logIn,
      confirm,
      resendConfirmation,
      verifyConfirmation,
      twilio,
      wait,
      prisma
    } = await startApp(t)
    await addUser(grace)
    const [owner, elsewhere, other] = [await logIn(), await logIn(), await logIn(grace)]
    const { confirmationToken } = (await confirm(owner.accessToken)).json()
    const code = twilio.lastCode()
    wait(30)
    const sentBefore = twilio.messages.length
    for (const { accessToken } of [elsewhere, other]) {
      for (const response of [
        await verifyConfirmation(accessToken, confirmationToken, code),
        await verifyConfirmation(accessToken, confirmationToken, differentCode(code)),
        await resendConfirmation(accessToken, confirmationToken)
      ]) {
        t.equal(response.statusCode, 404)
        t.equal(slugOf(response), 'not-found')
      }
    }
    t.equal(twilio.messages.length, sentBefore)
    t.match(await prisma.challenge.findMany({ where: { purpose: 'confirm:transfer' } }), [
      { attemptsLeft: 5, consumedAt: null }
    ])
    t.equal((await verifyConfirmation(owner.accessToken, confirmationToken, code)).statusCode, 200)
  })

  t.test('a code confirms exactly the amount, reference and action of its message', async t => {
    const templates = new Map([
      ...readConfig({}).policy.confirmationTemplates,
      ...readConfig({ CONFIRMATION_TEMPLATES: '{"delete":"Delete {object}"}' }).policy
        .confirmationTemplates
    ])
    const { logIn, confirm, verifyConfirmation, twilio } = await startApp(t, {
      policy: { confirmationTemplates: templates }
    })
    const { accessToken } = await logIn()
    for (const other of [
      { ...transfer, data: { ...transfer.data, amount: '250.01' } },
      { ...transfer, data: { ...transfer.data, payee: 'Grace Hoppe' } },
      { ...transfer, reference: 'order-1816' },
      { action: 'delete', data: { object: '250.00 EUR to Grace Hopper' } }
    ]) {
      const first = (await confirm(accessToken)).json()
      const code = twilio.lastCode()
      const { confirmationToken } = (await confirm(accessToken, other)).json()
      t.equal(
        slugOf(await verifyConfirmation(accessToken, confirmationToken, code)),
        'wrong-code',
        JSON.stringify(other)
      )
      const response = await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())
      t.match(decodeJwt(response.json().receipt), {
        action: other.action,
        data: other.data,
        reference: 'reference' in other ? other.reference : null
      })
      if (other.action === 'transfer')
        t.equal(
          slugOf(await verifyConfirmation(accessToken, first.confirmationToken, code)),
          'challenge-ended'
        )
      await confirm(accessToken, { ...transfer, reference: 'start-over' })
    }
  })

  t.test('the action cannot be sent again with the code', async t => {
    const { app, logIn, confirm, verifyConfirmation, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    const response = await app.inject({
      method: 'POST',
      url: '/confirmations/verify',
      headers: { authorization: `Bearer ${accessToken}` },
      payload: {
        confirmationToken,
        code: twilio.lastCode(),
        data: { ...transfer.data, amount: '9000.00' }
      }
    })
    t.equal(slugOf(response), 'invalid-request')
    const { receipt } = (
      await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())
    ).json()
    t.strictSame(decodeJwt(receipt)['data'], transfer.data)
  })

  t.test("a login's code is wrong for a confirmation and the reverse", async t => {
    const { loginAndReadCode, logIn, confirm, verify, verifyConfirmation, twilio } =
      await startApp(t)
    const { accessToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    const confirmCode = twilio.lastCode()
    const { challengeToken, code } = await loginAndReadCode()
    if (code === confirmCode) return
    t.match((await verifyConfirmation(accessToken, confirmationToken, code)).json(), {
      type: /wrong-code$/,
      attemptsRemaining: 4
    })
    t.match((await verify(challengeToken, confirmCode)).json(), {
      type: /wrong-code$/,
      attemptsRemaining: 4
    })
  })
})

t.test('concurrent requests', async t => {
  t.test('fifty concurrent correct codes through two instances give one receipt', async t => {
    const one = await startApp(t, { ...shared, policy: { codeAttempts: 50 } })
    const two = await startApp(t, {
      ...shared,
      database: one.database,
      clock: one.clock,
      withoutUsers: true
    })
    const { accessToken } = await one.logIn()
    const { confirmationToken } = (await one.confirm(accessToken)).json()
    const code = one.twilio.lastCode()
    const responses = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        (i % 2 === 0 ? one : two).verifyConfirmation(accessToken, confirmationToken, code)
      )
    )
    t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1)
    t.equal(responses.filter(response => slugOf(response) === 'challenge-ended').length, 49)
  })

  t.test('a code gives one receipt even while another action is requested and refused', async t => {
    const { database, clock } = await startApp(t)
    let meanwhile: (() => void) | undefined
    const [about, closed] = [signal(), signal()]
    // The other action finds the confirmation open, but replaces it only after it was closed.
    const prisma = new Proxy(database.prisma, {
      get: (target, name) =>
        name === '$executeRaw' || name === '$queryRaw'
          ? interleaved(name)
          : Reflect.get(target, name)
    })
    const interleaved =
      (how: '$executeRaw' | '$queryRaw') =>
      async (statement: TemplateStringsArray, ...values: unknown[]) => {
        const run = () => database.prisma[how](statement, ...values)
        if (meanwhile === undefined) return run()
        const { sql } = Prisma.sql(statement, ...values)
        if (/SET \(\s*id, code_hash/.test(sql)) {
          about.give()
          await closed.given
        }
        if (!sql.includes('SET consumed_at')) return run()
        meanwhile()
        await about.given
        const count = await run()
        closed.give()
        return count
      }
    const { logIn, confirm, verifyConfirmation, twilio } = await startApp(t, {
      database: { ...database, prisma },
      clock,
      withoutUsers: true,
      limits: { messagesPerPhoneHour: 2 }
    })
    const { accessToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    const code = twilio.lastCode()
    let other: ReturnType<typeof confirm> | undefined
    meanwhile = () => {
      other = confirm(accessToken, { ...transfer, reference: 'another' })
    }
    t.equal((await verifyConfirmation(accessToken, confirmationToken, code)).statusCode, 200)
    t.equal((await other)?.statusCode, 429)
    meanwhile = undefined
    t.equal(
      slugOf(await verifyConfirmation(accessToken, confirmationToken, code)),
      'challenge-ended'
    )
  })

  function signal() {
    let give = () => {}
    const given = new Promise<void>(resolve => {
      give = resolve
    })
    return { given, give: () => give() }
  }

  t.test(
    'fifty concurrent requests for one action send one message and share one confirmation',
    async t => {
      const { logIn, confirm, verifyConfirmation, twilio } = await startApp(t)
      const { accessToken } = await logIn()
      const responses = await Promise.all(Array.from({ length: 50 }, () => confirm(accessToken)))
      t.same(new Set(responses.map(({ statusCode }) => statusCode)), new Set([201]))
      t.equal(responses.filter(response => response.json().sent).length, 1)
      t.equal(twilio.messages.length, 2)
      const { confirmationToken } = responses[7]?.json()
      t.equal(
        (await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())).statusCode,
        200
      )
    }
  )
})

t.test('values', async t => {
  /**
   * Whether a message shows the sentence exactly, in at most two segments, between a first and a
   * last line of the service.
   */
  function isShownExactly(body: string, code: string, sentence: string) {
    const lines = body.split('\n')
    const { segmentsCount } = new SegmentedMessage(body)
    // The second frame is used if the first would be too long.
    const frames = [
      [`${code} confirms this with sms-login:`, 'Expires in 1 minute. Never share the code.'],
      [`${code} confirms with sms-login:`, "Valid 1 minute. Don't share."]
    ]
    return (
      segmentsCount <= 2 &&
      lines.length === 3 &&
      lines[1] === sentence &&
      frames.some(([first, last]) => lines[0] === first && lines[2] === last)
    )
  }

  t.test('a payee that would add a line, a link or a code to the message is refused', async t => {
    const { logIn, confirm, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    const sentBefore = twilio.messages.length
    for (const payee of [
      'x\n@evil.example #000000',
      'x\r\nGood',
      '@evil.example #000000',
      'evil.example',
      'see https://evil',
      'ftp://x',
      'www.evil.test/path',
      'pay.EXAMPLE',
      'Code: 000000',
      '000000 is your code',
      'ref 123456.',
      '\u202eecarG',
      'Grace\u200bHopper',
      '💶',
      'Gra\u0302ce',
      'Gr\u0000ace',
      '\tGrace',
      ' Grace',
      'Grace ',
      'Grасе',
      '\f',
      '\u001b',
      '１２３４５６'
    ]) {
      const response = await confirm(accessToken, {
        ...transfer,
        data: { ...transfer.data, payee }
      })
      t.equal(slugOf(response), 'invalid-request', JSON.stringify(payee))
      t.match(response.json().errors, [{ pointer: '#/data/payee' }])
    }
    t.equal(twilio.messages.length, sentBefore)
  })

  t.test('an unusual but harmless payee is shown exactly', async t => {
    const { logIn, confirm, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    for (const payee of [
      'Grâce',
      '`x`',
      'Ελλάδα',
      '“Grace”',
      '[Grace] {Hopper} ~^|\\ €',
      "O'Hara & Sons, Inc.",
      'DE89370400440532013000',
      'Jürgen Ñandu (Ø)',
      '{amount}',
      '$&',
      "$'",
      'Grace #1 @home',
      '1234567',
      'J. R. Hopper',
      '250.00',
      '100000'
    ]) {
      const { text } = (
        await confirm(accessToken, { ...transfer, data: { ...transfer.data, payee } })
      ).json()
      t.equal(text, `Send 250.00 EUR to ${payee}`)
      t.ok(
        isShownExactly(String(twilio.messages.at(-1)?.body), twilio.lastCode(), text),
        String(twilio.messages.at(-1)?.body)
      )
    }
  })

  t.test('any values are refused or shown exactly within two segments', async t => {
    const { logIn, confirm, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    const gsm7 = fc.string({
      unit: fc.constantFrom(
        ...'@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789',
        ...':;<=>?¡AZÄÖÑÜ§¿azäöñüà^{}\\[~]|€'
      ),
      minLength: 1,
      maxLength: 70
    })
    const value = fc.oneof(
      gsm7,
      fc.string({ unit: 'grapheme', maxLength: 20 }),
      fc.double({ noDefaultInfinity: true, noNaN: true }),
      fc.integer(),
      fc.constantFrom('x\n', '.a', '@b.cc #1', '000000')
    )
    let shown = 0
    await fc.assert(
      fc.asyncProperty(fc.record({ amount: value, currency: value, payee: value }), async data => {
        const before = twilio.messages.length
        const response = await confirm(accessToken, { ...transfer, data })
        if (response.statusCode !== 201)
          return slugOf(response) === 'invalid-request' && twilio.messages.length === before
        shown++
        const sentence = `Send ${data.amount} ${data.currency} to ${data.payee}`
        return (
          response.json().text === sentence &&
          isShownExactly(String(twilio.messages.at(-1)?.body), twilio.lastCode(), sentence)
        )
      }),
      { numRuns: 300 }
    )
    t.ok(shown > 5, `${shown} were shown`)
  })
})
