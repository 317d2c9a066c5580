import { generateKeyPairSync } from 'node:crypto'
import { decodeJwt } from 'jose'
import fc from 'fast-check'
import { SegmentedMessage } from 'sms-segments-calculator'
import t from 'tap'
import { Prisma } from '../../src/adapters/prisma/client.ts'
import { readConfig } from '../../src/config.ts'
import { otherThan, slugOf, start, transfer } from '../support/start.ts'

const shared = { secrets: [Buffer.alloc(32, 1)], signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey] } as const
const grace = { username: 'grace', password: 'a perfectly fine password', phone: '+12025550177' }

t.test('nobody but the session that asked goes on with a confirmation, not the person\'s other session either; no attempt is spent, no text sent', async t => {
  const { addUser, logIn, confirm, resendConfirmation, verifyConfirmation, twilio, wait, prisma } = await start(t)
  await addUser(grace)
  const [owner, elsewhere, stranger] = [await logIn(), await logIn(), await logIn(grace)]
  const { confirmationToken } = (await confirm(owner.accessToken)).json()
  const code = twilio.lastCode()
  wait(30)
  const texts = twilio.texts.length
  for (const { accessToken } of [elsewhere, stranger]) {
    for (const answer of [await verifyConfirmation(accessToken, confirmationToken, code), await verifyConfirmation(accessToken, confirmationToken, otherThan(code)), await resendConfirmation(accessToken, confirmationToken)]) {
      t.equal(answer.statusCode, 404)
      t.equal(slugOf(answer), 'not-found')
    }
  }
  t.equal(twilio.texts.length, texts)
  t.match(await prisma.challenge.findMany({ where: { purpose: 'confirm:transfer' } }), [{ attemptsLeft: 5, consumedAt: null }])
  t.equal((await verifyConfirmation(owner.accessToken, confirmationToken, code)).statusCode, 200)
})

t.test('a code confirms what was in its text: not one cent, letter, reference or action else', async t => {
  const templates = new Map([...readConfig({}).policy.confirmationTemplates, ...readConfig({ CONFIRMATION_TEMPLATES: '{"delete":"Delete {what}"}' }).policy.confirmationTemplates])
  const { logIn, confirm, verifyConfirmation, twilio } = await start(t, { policy: { confirmationTemplates: templates } })
  const { accessToken } = await logIn()
  for (const other of [
    { ...transfer, data: { ...transfer.data, amount: '250.01' } },
    { ...transfer, data: { ...transfer.data, payee: 'Grace Hoppe' } },
    { ...transfer, reference: 'order-1816' },
    { action: 'delete', data: { what: '250.00 EUR to Grace Hopper' } }
  ]) {
    const first = (await confirm(accessToken)).json()
    const code = twilio.lastCode()
    const { confirmationToken } = (await confirm(accessToken, other)).json()
    t.equal(slugOf(await verifyConfirmation(accessToken, confirmationToken, code)), 'wrong-code', JSON.stringify(other))
    const answer = await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())
    t.match(decodeJwt(answer.json().receipt), { action: other.action, data: other.data, reference: 'reference' in other ? other.reference : null })
    if (other.action === 'transfer') t.equal(slugOf(await verifyConfirmation(accessToken, first.confirmationToken, code)), 'challenge-ended')
    await confirm(accessToken, { ...transfer, reference: 'start-over' })
  }
})

t.test('what is to be confirmed can not be sent again with the code', async t => {
  const { app, logIn, confirm, verifyConfirmation, twilio } = await start(t)
  const { accessToken } = await logIn()
  const { confirmationToken } = (await confirm(accessToken)).json()
  const answer = await app.inject({
    method: 'POST', url: '/confirmations/verify', headers: { authorization: `Bearer ${accessToken}` }, payload: { confirmationToken, code: twilio.lastCode(), data: { ...transfer.data, amount: '9000.00' } }
  })
  t.equal(slugOf(answer), 'invalid-request')
  const { receipt } = (await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())).json()
  t.strictSame(decodeJwt(receipt)['data'], transfer.data)
})

t.test('fifty right codes at once, through two instances, are worth one receipt', async t => {
  const one = await start(t, { ...shared, policy: { codeAttempts: 50 } })
  const two = await start(t, { ...shared, database: one.database, clock: one.clock, withoutUsers: true })
  const { accessToken } = await one.logIn()
  const { confirmationToken } = (await one.confirm(accessToken)).json()
  const code = one.twilio.lastCode()
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? one : two).verifyConfirmation(accessToken, confirmationToken, code)))
  t.equal(answers.filter(({ statusCode }) => statusCode === 200).length, 1)
  t.equal(answers.filter(answer => slugOf(answer) === 'challenge-ended').length, 49)
})

t.test('a code is worth one receipt also when another action is asked for, and refused its text, just while it is used', async t => {
  const { database, clock } = await start(t)
  let meanwhile: (() => void) | undefined
  const [about, closed] = [signal(), signal()]
  // The other action finds the confirmation still open, and takes its place when it no longer is.
  const prisma = new Proxy(database.prisma, {
    get: (target, name) => name === '$executeRaw' || name === '$queryRaw' ? interleaved(name) : Reflect.get(target, name)
  })
  const interleaved = (how: '$executeRaw' | '$queryRaw') => async (statement: TemplateStringsArray, ...values: unknown[]) => {
    const run = () => database.prisma[how](statement, ...values)
    if (meanwhile === undefined) return run()
    const { sql } = Prisma.sql(statement, ...values)
    if (sql.includes('SET (id, code_hash')) {
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
  const { logIn, confirm, verifyConfirmation, twilio } = await start(t, { database: { ...database, prisma }, clock, withoutUsers: true, limits: { textsPerPhoneHour: 2 } })
  const { accessToken } = await logIn()
  const { confirmationToken } = (await confirm(accessToken)).json()
  const code = twilio.lastCode()
  let other: ReturnType<typeof confirm> | undefined
  meanwhile = () => { other = confirm(accessToken, { ...transfer, reference: 'another' }) }
  t.equal((await verifyConfirmation(accessToken, confirmationToken, code)).statusCode, 200)
  t.equal((await other)?.statusCode, 429)
  meanwhile = undefined
  t.equal(slugOf(await verifyConfirmation(accessToken, confirmationToken, code)), 'challenge-ended')
})

function signal () {
  let give = () => {}
  const given = new Promise<void>(resolve => { give = resolve })
  return { given, give: () => give() }
}

t.test('of fifty that ask for the same at once one text goes out, and all go on with the one confirmation', async t => {
  const { logIn, confirm, verifyConfirmation, twilio } = await start(t)
  const { accessToken } = await logIn()
  const answers = await Promise.all(Array.from({ length: 50 }, () => confirm(accessToken)))
  t.same(new Set(answers.map(({ statusCode }) => statusCode)), new Set([201]))
  t.equal(answers.filter(answer => answer.json().sent).length, 1)
  t.equal(twilio.texts.length, 2)
  const { confirmationToken } = answers[7]?.json()
  t.equal((await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())).statusCode, 200)
})

t.test('a login\'s code is worth nothing to a confirmation, nor the other way round, and both are charged', async t => {
  const { challenge, logIn, confirm, verify, verifyConfirmation, twilio } = await start(t)
  const { accessToken } = await logIn()
  const { confirmationToken } = (await confirm(accessToken)).json()
  const confirmCode = twilio.lastCode()
  const { challengeToken, code } = await challenge()
  if (code === confirmCode) return
  t.match((await verifyConfirmation(accessToken, confirmationToken, code)).json(), { type: /wrong-code$/, attemptsRemaining: 4 })
  t.match((await verify(challengeToken, confirmCode)).json(), { type: /wrong-code$/, attemptsRemaining: 4 })
})

/** What of a text message is read by people, phones and Twilio: shown exactly, in one segment, between two lines of ours. */
function assertHonest (body: string, code: string, sentence: string) {
  const lines = body.split('\n')
  const { encodingName, segmentsCount } = new SegmentedMessage(body)
  // The second where the first would be too long.
  const frames = [[`${code} confirms this with sms-login:`, 'Good for 1 minute. Never share it.'], [`${code} confirms with sms-login:`, "Valid 1 minute. Don't share."]]
  return encodingName === 'GSM-7' && segmentsCount === 1 && lines.length === 3 && lines[1] === sentence &&
    frames.some(([first, last]) => lines[0] === first && lines[2] === last)
}

t.test('a payee that would add a line, a link, a code or an autofill line is refused, and so is what a text can not show', async t => {
  const { logIn, confirm, twilio } = await start(t)
  const { accessToken } = await logIn()
  const texts = twilio.texts.length
  for (const payee of [
    'x\n@evil.example #000000', 'x\r\nGood', '@evil.example #000000', 'evil.example', 'see https://evil', 'ftp://x', 'www.evil.test/path', 'pay.EXAMPLE', 'Code: 000000', '000000 is your code', 'ref 123456.',
    '\u202eecarG', 'Grace\u200bHopper', '💶', 'Grâce', '`x`', 'Gr\u0000ace', '\tGrace', ' Grace', 'Grace ', 'Ελλάδα', '“Grace”', '\f', '\u001b', '１２３４５６'
  ]) {
    const answer = await confirm(accessToken, { ...transfer, data: { ...transfer.data, payee } })
    t.equal(slugOf(answer), 'invalid-request', JSON.stringify(payee))
    t.match(answer.json().errors, [{ pointer: '#/data/payee' }])
  }
  t.equal(twilio.texts.length, texts)
})

t.test('a payee that looks odd but is harmless is shown exactly', async t => {
  const { logIn, confirm, twilio } = await start(t)
  const { accessToken } = await logIn()
  for (const payee of ['[Grace] {Hopper} ~^|\\ €', "O'Hara & Sons, Inc.", 'DE89370400440532013000', 'Jürgen Ñandu (Ø)', '{amount}', '$&', "$'", 'Grace #1 @home', '1234567', 'J. R. Hopper', '250.00', '100000']) {
    const { text } = (await confirm(accessToken, { ...transfer, data: { ...transfer.data, payee } })).json()
    t.equal(text, `Send 250.00 EUR to ${payee}`)
    t.ok(assertHonest(String(twilio.texts.at(-1)?.body), twilio.lastCode(), text), String(twilio.texts.at(-1)?.body))
  }
})

t.test('whatever the values are, they are refused or shown exactly, in one segment and between our lines', async t => {
  const { logIn, confirm, twilio } = await start(t)
  const { accessToken } = await logIn()
  const gsm7 = fc.string({ unit: fc.constantFrom(...'@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡AZÄÖÑÜ§¿azäöñüà^{}\\[~]|€'), minLength: 1, maxLength: 70 })
  const value = fc.oneof(gsm7, fc.string({ unit: 'grapheme', maxLength: 20 }), fc.double({ noDefaultInfinity: true, noNaN: true }), fc.integer(), fc.constantFrom('x\n', '.a', '@b.cc #1', '000000'))
  let shown = 0
  await fc.assert(fc.asyncProperty(fc.record({ amount: value, currency: value, payee: value }), async data => {
    const before = twilio.texts.length
    const answer = await confirm(accessToken, { ...transfer, data })
    if (answer.statusCode !== 201) return slugOf(answer) === 'invalid-request' && twilio.texts.length === before
    shown++
    const sentence = `Send ${data.amount} ${data.currency} to ${data.payee}`
    return answer.json().text === sentence && assertHonest(String(twilio.texts.at(-1)?.body), twilio.lastCode(), sentence)
  }), { numRuns: 300 })
  t.ok(shown > 5, `${shown} were shown`)
})
