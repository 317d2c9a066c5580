import { generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { needsServer } from '../support/database.ts'
import {
  ada,
  codeIn,
  defaultLimits,
  differentCode,
  slugOf,
  startApp,
  transfer
} from '../support/start-app.ts'
import { respondLate } from '../support/twilio-stand-in.ts'

const grace = { username: 'grace', password: 'anchors aweigh', phone: '+12025550144' }
const newPhone = '+12025550106'
const isNotice = ({ body }: { body: string }) => /was changed to one ending in/.test(body)
/** Returns a different number for each n. */
const phoneOf = (n: number) => `+120255501${String(n).padStart(2, '0')}`

t.test('wrong codes and other users', async t => {
  t.test('wrong codes lock phone changes and neither logins nor confirmations', async t => {
    const service = await startApp(t, { limits: { codeFailures: 5 }, accessTokenTtl: 3600 })
    const { changePhone, confirm, logIn, logged, resend, twilio, verifyPhone, wait } = service
    const { accessToken } = await logIn()
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    const code = twilio.lastCode()
    for (let n = 0; n < 5; n++)
      t.equal(
        slugOf(await verifyPhone(accessToken, challengeToken, differentCode(code))),
        'wrong-code'
      )
    t.match(
      logged.map(line => JSON.parse(line)).filter(({ event }) => event === 'account.locked'),
      [{ lockout: 'phone-change', failures: 5 }]
    )
    const locked = { status: 429, type: /too-many-attempts$/, reason: 'codes', retryAfter: 900 }
    t.match((await changePhone(accessToken, phoneOf(7))).json(), locked)
    t.equal(slugOf(await resend(challengeToken)), 'challenge-ended')
    t.equal((await confirm(accessToken)).statusCode, 201)
    t.type((await logIn()).accessToken, 'string')

    wait(899)
    t.match((await changePhone((await logIn()).accessToken, newPhone)).json(), { retryAfter: 1 })
    wait(1)
    const again = (await logIn()).accessToken
    const token = (await changePhone(again, newPhone)).json().challengeToken
    t.equal((await verifyPhone(again, token, twilio.lastCode())).statusCode, 204)
    t.match(await service.prisma.user.findMany(), [
      { phoneChangeFailures: 0, phoneChangesLockedUntil: null }
    ])
  })

  t.test('wrong codes of other purposes do not lock phone changes', async t => {
    const { changePhone, confirm, logIn, loginAndReadCode, twilio, verify, ...service } =
      await startApp(t, { limits: { codeFailures: 1 } })
    const { accessToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    await service.verifyConfirmation(
      accessToken,
      confirmationToken,
      differentCode(twilio.lastCode())
    )
    const { challengeToken, code } = await loginAndReadCode()
    await verify(challengeToken, differentCode(code))
    const token = (await changePhone(accessToken, newPhone)).json().challengeToken
    t.equal((await service.verifyPhone(accessToken, token, twilio.lastCode())).statusCode, 204)
  })

  t.test("another user's change is not found and loses no attempt", async t => {
    const { addUser, changePhone, logIn, twilio, verifyPhone } = await startApp(t)
    await addUser(grace)
    const { accessToken } = await logIn()
    const other = await logIn(grace)
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    const code = twilio.lastCode()
    for (const guess of [code, differentCode(code)])
      t.equal(slugOf(await verifyPhone(other.accessToken, challengeToken, guess)), 'not-found')
    // The same holds if the other user has a pending change.
    await changePhone(other.accessToken, phoneOf(7))
    t.equal(slugOf(await verifyPhone(other.accessToken, challengeToken, code)), 'not-found')
    t.equal(
      (await verifyPhone(accessToken, challengeToken, differentCode(code))).json()
        .attemptsRemaining,
      4
    )
    t.equal((await verifyPhone(accessToken, challengeToken, code)).statusCode, 204)
  })

  t.test('codes of other challenges are wrong for a phone change and the reverse', async t => {
    const { changePhone, confirm, logIn, loginAndReadCode, twilio, verify, ...service } =
      await startApp(t)
    const { accessToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    const confirmationCode = twilio.lastCode()
    const login = await loginAndReadCode()
    const change = (await changePhone(accessToken, newPhone)).json().challengeToken
    const changeCode = twilio.lastCode()
    // With a probability of one in a million, two codes are equal.
    for (const code of [login.code, confirmationCode].filter(code => code !== changeCode))
      t.equal(slugOf(await service.verifyPhone(accessToken, change, code)), 'wrong-code')
    if (login.code !== changeCode)
      t.equal(slugOf(await verify(login.challengeToken, changeCode)), 'wrong-code')
    if (confirmationCode !== changeCode)
      t.equal(
        slugOf(await service.verifyConfirmation(accessToken, confirmationToken, changeCode)),
        'wrong-code'
      )
  })
})

t.test('messages', async t => {
  const { messagesPerPhoneHour, messagesPerPhoneDay } = defaultLimits
  const limits = { messagesPerPhoneHour, messagesPerPhoneDay }

  t.test(
    'an access token sends three messages an hour to new numbers and leaves three logins',
    async t => {
      const { changePhone, confirm, logIn, resend, twilio, wait } = await startApp(t, { limits })
      const { accessToken } = await logIn()
      const sent = await Promise.all(
        Array.from({ length: 10 }, (_, n) => changePhone(accessToken, phoneOf(n)))
      )
      // Concurrent requests replace each other, so each one sends a message or is refused.
      const { challengeToken } = sent.find(({ statusCode }) => statusCode === 200)?.json() ?? {}
      t.equal(twilio.messages.length, 1 + 3)
      wait(31)
      t.equal(slugOf(await changePhone(accessToken, phoneOf(20))), 'too-many-texts')
      t.match(slugOf(await resend(challengeToken)), /^(too-many-texts|challenge-ended)$/)
      t.equal(slugOf(await confirm(accessToken)), 'too-many-texts', 'confirmations share the limit')
      for (let n = 0; n < 2; n++) t.type((await logIn()).accessToken, 'string')
      t.equal(twilio.messagesTo(ada.phone).length, 3)
    }
  )

  t.test('confirmations and phone changes together use half of the messages', async t => {
    const { changePhone, confirm, logIn, twilio } = await startApp(t, { limits })
    const { accessToken } = await logIn()
    for (let n = 0; n < 2; n++)
      t.equal((await confirm(accessToken, { ...transfer, reference: `${n}` })).statusCode, 201)
    t.equal((await changePhone(accessToken, newPhone)).statusCode, 200)
    t.equal(slugOf(await changePhone(accessToken, phoneOf(7))), 'too-many-texts')
    t.equal(slugOf(await confirm(accessToken)), 'too-many-texts')
    t.equal(twilio.messages.length, 4)
  })

  t.test('users who change to a number use at most two of its six messages an hour', async t => {
    const { addUser, changePhone, confirm, logIn, twilio } = await startApp(t, { limits })
    await addUser(grace)
    for (let n = 0; n < 3; n++) {
      const user = { username: `user-${n}`, password: 'anchors aweigh', phone: phoneOf(50 + n) }
      await addUser(user)
      const { accessToken } = await logIn(user)
      t.match((await changePhone(accessToken, grace.phone)).statusCode, n < 2 ? 200 : 429)
    }
    t.equal(twilio.messagesTo(grace.phone).length, 2)
    const { accessToken } = await logIn(grace)
    for (let n = 0; n < 3; n++)
      t.equal((await confirm(accessToken, { ...transfer, reference: `${n}` })).statusCode, 201)
    t.equal(slugOf(await changePhone(accessToken, newPhone)), 'too-many-texts')
  })

  t.test('logins and phone changes have separate cooldowns', async t => {
    const { changePhone, logIn, login, twilio } = await startApp(t)
    const { accessToken } = await logIn()
    t.equal((await login()).json().sent, true)
    t.equal((await changePhone(accessToken, newPhone)).json().sent, true)
    t.equal((await login()).json().sent, false)
    t.equal(twilio.messages.length, 3)
  })

  t.test('a refused request leaves the pending change as it is', async t => {
    const { changePhone, logIn, twilio, verifyPhone } = await startApp(t, {
      limits: { messagesPerPhoneHour: 3 }
    })
    const { accessToken } = await logIn()
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    t.equal(slugOf(await changePhone(accessToken, phoneOf(7))), 'too-many-texts')
    t.equal((await verifyPhone(accessToken, challengeToken, twilio.lastCode())).statusCode, 204)
  })
})

t.test('concurrent requests', async t => {
  t.test('fifty concurrent correct codes change the number once and send one notice', async t => {
    const { changePhone, logIn, logged, prisma, settled, twilio, verifyPhone } = await startApp(t, {
      policy: { codeAttempts: 50 }
    })
    const { accessToken } = await logIn()
    const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
    const code = twilio.lastCode()
    const responses = await Promise.all(
      Array.from({ length: 50 }, () => verifyPhone(accessToken, challengeToken, code))
    )
    await settled()
    t.equal(responses.filter(({ statusCode }) => statusCode === 204).length, 1)
    t.equal(responses.filter(response => slugOf(response) === 'challenge-ended').length, 49)
    t.equal(twilio.messages.filter(isNotice).length, 1)
    t.equal(logged.filter(line => line.includes('"phone.changed"')).length, 1)
    t.match(await prisma.user.findMany(), [{ phone: newPhone, phoneChangeFailures: 0 }])
  })

  t.test('correct codes through two instances and sessions keep one session', async t => {
    const shared = {
      secrets: [Buffer.alloc(32, 1)],
      signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
      policy: { codeAttempts: 50 }
    } as const
    const one = await startApp(t, shared)
    const { clock, database } = one
    const two = await startApp(t, { ...shared, clock, database, withoutUsers: true })
    const tokens = [(await one.logIn()).accessToken, (await one.logIn()).accessToken]
    const { challengeToken } = (await one.changePhone(tokens[0] ?? '', newPhone)).json()
    const code = one.twilio.lastCode()
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 === 0 ? one : two).verifyPhone(tokens[i % 4 < 2 ? 0 : 1] ?? '', challengeToken, code)
      )
    )
    await Promise.all([one.settled(), two.settled()])
    t.equal(responses.filter(({ statusCode }) => statusCode === 204).length, 1)
    t.equal([...one.twilio.messages, ...two.twilio.messages].filter(isNotice).length, 1)
    t.equal(await one.prisma.session.count(), 1)
  })

  t.test('only one of two concurrent changes stays and accepts its code', async t => {
    const { changePhone, logIn, prisma, twilio, verifyPhone } = await startApp(t)
    const tokens = [(await logIn()).accessToken, (await logIn()).accessToken]
    const requests = await Promise.all(tokens.map((token, n) => changePhone(token, phoneOf(n))))
    const responses = []
    for (const [n, request] of requests.entries())
      responses.push(
        await verifyPhone(
          tokens[n] ?? '',
          request.json().challengeToken,
          codeIn(twilio.messagesTo(phoneOf(n)).at(-1)?.body)
        )
      )
    const winner = responses.findIndex(({ statusCode }) => statusCode === 204)
    t.equal(responses.filter(({ statusCode }) => statusCode === 204).length, 1)
    t.match(await prisma.user.findMany(), [{ phone: phoneOf(winner) }])
    t.equal(await prisma.session.count(), 1)
  })

  t.test(
    'logins that race with a change leave no valid code for the old number and no session',
    async t => {
      const { changePhone, logIn, login, prisma, refresh, settled, twilio, verify, verifyPhone } =
        await startApp(t, { policy: { resendCooldown: 0 }, argon2: { queue: 64 } })
      const earlier = [await logIn(), await logIn()]
      const { accessToken } = await logIn()
      const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
      const code = twilio.lastCode()
      const before = twilio.messages.length
      const logins = Array.from({ length: 50 }, () => login())
      await logins[0]
      t.equal((await verifyPhone(accessToken, challengeToken, code)).statusCode, 204)
      const responses = await Promise.all(logins)
      await settled()
      t.same(new Set(responses.map(({ statusCode }) => statusCode)), new Set([200]))

      const messages = twilio.messages.slice(before)
      t.equal(messages.filter(isNotice).length, 1)
      const toOld = messages.filter(({ to }) => to === ada.phone)
      t.ok(toOld.findIndex(isNotice) === toOld.length - 1, 'no code follows the notice')
      t.ok(messages.some(({ to }) => to === newPhone))
      const oldTokens = responses.filter(response => response.json().destination.endsWith('43'))
      for (const response of oldTokens)
        t.equal(
          slugOf(await verify(response.json().challengeToken, codeIn(toOld.at(-2)?.body))),
          'challenge-ended'
        )
      for (const { refreshToken } of earlier)
        t.equal(slugOf(await refresh(refreshToken)), 'session-ended')
      t.equal(await prisma.session.count(), 1)
    }
  )

  t.test('a code for a new number works or is replaced by a concurrent resend', async t => {
    for (let round = 0; round < 10; round++) {
      const { changePhone, logIn, prisma, resend, settled, twilio, verifyPhone, wait } =
        await startApp(t)
      const { accessToken } = await logIn()
      const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
      const code = twilio.lastCode()
      wait(31)
      const [resent, changed] = await Promise.all([
        resend(challengeToken),
        verifyPhone(accessToken, challengeToken, code)
      ])
      if (changed.statusCode !== 204) {
        t.equal(slugOf(changed), 'wrong-code')
        t.equal(resent.statusCode, 200)
      }
      const last = codeIn(twilio.messagesTo(newPhone).at(-1)?.body)
      const again = await verifyPhone(accessToken, challengeToken, last)
      if (changed.statusCode === 204) t.equal(slugOf(again), 'challenge-ended')
      else t.equal(again.statusCode, 204)
      await settled()
      t.equal(twilio.messages.filter(isNotice).length, 1)
      t.match(await prisma.user.findMany(), [{ phone: newPhone }])
    }
  })

  t.test('of a new number and a new password from two sessions one succeeds', async t => {
    for (let round = 0; round < 10; round++) {
      const { changePassword, changePhone, logIn, login, prisma, twilio, verifyPhone } =
        await startApp(t)
      const [one, other] = [await logIn(), await logIn()]
      const { challengeToken } = (await changePhone(one.accessToken, newPhone)).json()
      const [changed, renewed] = await Promise.all([
        verifyPhone(one.accessToken, challengeToken, twilio.lastCode()),
        changePassword(other.accessToken, 'another horse battery')
      ])
      t.same([changed.statusCode, renewed.statusCode].sort(), [204, 401])
      t.match(await prisma.user.findMany(), [
        { phone: changed.statusCode === 204 ? newPhone : ada.phone }
      ])
      t.equal((await login()).statusCode, renewed.statusCode === 204 ? 401 : 200)
      t.equal(await prisma.session.count(), 1)
    }
  })

  t.test('a deletion that races with a change leaves nothing', async t => {
    for (let round = 0; round < 10; round++) {
      const { changePhone, deleteMe, logIn, prisma, twilio, verifyPhone } = await startApp(t)
      const { accessToken } = await logIn()
      const { challengeToken } = (await changePhone(accessToken, newPhone)).json()
      const [changed, deleted] = await Promise.all([
        verifyPhone(accessToken, challengeToken, twilio.lastCode()),
        deleteMe(accessToken)
      ])
      t.equal(deleted.statusCode, 204)
      if (changed.statusCode !== 204) t.match(slugOf(changed), /^(invalid-token|challenge-ended)$/)
      t.same(
        [await prisma.user.count(), await prisma.session.count(), await prisma.challenge.count()],
        [0, 0, 0]
      )
    }
  })

  t.test(
    'a first login that races with a change leaves no old code',
    { skip: needsServer },
    async t => {
      for (let round = 0; round < 10; round++) {
        const { changePhone, logIn, login, prisma, settled, twilio, verify, verifyPhone } =
          await startApp(t)
        const { accessToken } = await logIn()
        await prisma.challenge.deleteMany()
        const change = (await changePhone(accessToken, newPhone)).json().challengeToken
        const code = twilio.lastCode()
        const [response, changed] = await Promise.all([
          login(),
          verifyPhone(accessToken, change, code)
        ])
        await settled()
        t.equal(changed.statusCode, 204)
        const { challengeToken, destination } = response.json()
        const sentTo = destination.endsWith('06') ? newPhone : ada.phone
        const last = twilio.messagesTo(sentTo).findLast(text => !isNotice(text))
        t.equal(
          (await verify(challengeToken, codeIn(last?.body))).statusCode,
          sentTo === newPhone ? 200 : 401
        )
      }
    }
  )

  t.test('a session opened while the number changes does not survive', async t => {
    for (let round = 0; round < 10; round++) {
      const { changePhone, logIn, loginAndReadCode, prisma, refresh, twilio, verify, verifyPhone } =
        await startApp(t)
      const { accessToken } = await logIn()
      const login = await loginAndReadCode()
      const change = (await changePhone(accessToken, newPhone)).json().challengeToken
      const [opened, changed] = await Promise.all([
        verify(login.challengeToken, login.code),
        verifyPhone(accessToken, change, twilio.lastCode())
      ])
      t.equal(changed.statusCode, 204)
      t.equal(await prisma.session.count(), 1)
      if (opened.statusCode === 200)
        t.equal(slugOf(await refresh(opened.json().refreshToken)), 'session-ended')
      else t.equal(slugOf(opened), 'challenge-ended')
    }
  })

  t.test('a resend of a login while the number changes leaves no valid code', async t => {
    for (let round = 0; round < 10; round++) {
      const { changePhone, logIn, loginAndReadCode, resend, settled, twilio, ...service } =
        await startApp(t)
      const { accessToken } = await logIn()
      const { challengeToken } = await loginAndReadCode()
      service.wait(31)
      const change = (await changePhone(accessToken, newPhone)).json().challengeToken
      const code = twilio.lastCode()
      twilio.failNext(respondLate(20))
      const [resent, changed] = await Promise.all([
        resend(challengeToken),
        service.verifyPhone(accessToken, change, code)
      ])
      await settled()
      t.equal(changed.statusCode, 204)
      if (resent.statusCode !== 200) t.equal(slugOf(resent), 'challenge-ended')
      const messages = twilio.messagesTo(ada.phone).filter(message => !isNotice(message))
      t.equal(
        slugOf(await service.verify(challengeToken, codeIn(messages.at(-1)?.body))),
        'challenge-ended'
      )
    }
  })

  t.test('a refresh while the number changes does not keep the session', async t => {
    const { changePhone, logIn, prisma, refresh, twilio, verifyPhone } = await startApp(t)
    const other = await logIn()
    const { accessToken, refreshToken } = await logIn()
    const change = (await changePhone(accessToken, newPhone)).json().challengeToken
    const [changed, own, refreshed] = await Promise.all([
      verifyPhone(accessToken, change, twilio.lastCode()),
      refresh(refreshToken),
      refresh(other.refreshToken)
    ])
    t.equal(changed.statusCode, 204)
    t.equal((await refresh(own.json().refreshToken)).statusCode, 200)
    const next = refreshed.statusCode === 200 ? refreshed.json().refreshToken : other.refreshToken
    t.equal(slugOf(await refresh(next)), 'session-ended')
    t.equal(await prisma.session.count(), 1)
  })

  t.test(
    'a change and the end of its session do not both succeed',
    { skip: needsServer },
    async t => {
      for (let round = 0; round < 10; round++) {
        const { changePhone, endSession, logIn, prisma, twilio, verifyPhone } = await startApp(t)
        const owner = await logIn()
        const attacker = await logIn()
        const change = (await changePhone(attacker.accessToken, newPhone)).json().challengeToken
        const [changed] = await Promise.all([
          verifyPhone(attacker.accessToken, change, twilio.lastCode()),
          endSession(owner.accessToken)
        ])
        const [user] = await prisma.user.findMany()
        t.equal(user?.phone, changed.statusCode === 204 ? newPhone : ada.phone)
        if (changed.statusCode !== 204)
          t.match(slugOf(changed), /^(invalid-token|challenge-ended)$/)
        t.ok((await prisma.session.count()) <= 1)
      }
    }
  )

  t.test(
    'a change during the password hash of a login sends its code to the new number',
    async t => {
      const { changePhone, duringHash, logIn, login, twilio, verify, verifyPhone } =
        await startApp(t)
      const { accessToken } = await logIn()
      const change = (await changePhone(accessToken, newPhone)).json().challengeToken
      const code = twilio.lastCode()
      duringHash(() => verifyPhone(accessToken, change, code))
      const { challengeToken, destination } = (await login()).json()
      t.equal(destination, '+1•••••••06')
      t.equal(
        (await verify(challengeToken, codeIn(twilio.messagesTo(newPhone).at(-1)?.body))).statusCode,
        200
      )
    }
  )

  t.test('a user disabled during a change keeps the old number', async t => {
    const { changePhone, logIn, prisma, twilio, users, verifyPhone } = await startApp(t)
    const { accessToken } = await logIn()
    const change = (await changePhone(accessToken, newPhone)).json().challengeToken
    await users.change({ username: 'ada' }, { disabled: true }, new Date())
    t.equal(slugOf(await verifyPhone(accessToken, change, twilio.lastCode())), 'invalid-token')
    t.match(await prisma.user.findMany(), [{ phone: ada.phone }])
  })

  t.test("an operator's change of the number ends the user's pending change", async t => {
    const { changePhone, logIn, prisma, resend, twilio, users } = await startApp(t)
    const { accessToken } = await logIn()
    const change = (await changePhone(accessToken, newPhone)).json().challengeToken
    await users.change({ username: 'ada' }, { phone: phoneOf(7) }, new Date())
    t.equal(slugOf(await resend(change)), 'challenge-ended')
    t.equal(twilio.messagesTo(newPhone).length, 1)
    t.match(await prisma.user.findMany(), [{ phone: phoneOf(7) }])
  })
})
