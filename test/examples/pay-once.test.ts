import type { AddressInfo } from 'node:net'
import t from 'tap'
// @ts-expect-error the example is plain JavaScript without types
import { paymentService } from '../../examples/pay-once.mjs'
import { startApp, transfer } from '../support/start-app.ts'

const order = { ...transfer.data, reference: transfer.reference }

t.test(
  'a payment service pays a confirmed order once, even for fifty concurrent requests',
  async t => {
    const { app, logIn, confirm, verifyConfirmation, twilio } = await startApp(t, {
      clock: () => new Date()
    })
    const loginUrl = await app.listen({ host: '127.0.0.1', port: 0 })
    const paid: object[] = []
    const service = paymentService({
      loginUrl,
      issuer: 'https://login.example',
      audience: 'https://api.example',
      pay: async (payment: object) => {
        paid.push(payment)
      }
    })
    await new Promise<void>(resolve => service.listen(0, '127.0.0.1', resolve))
    t.teardown(() => service.close())
    const send = async (body: unknown) =>
      (
        await fetch(`http://127.0.0.1:${(service.address() as AddressInfo).port}/transfers`, {
          method: 'POST',
          body: JSON.stringify(body)
        })
      ).status

    const { accessToken } = await logIn()
    const { confirmationToken } = (await confirm(accessToken)).json()
    const { receipt } = (
      await verifyConfirmation(accessToken, confirmationToken, twilio.lastCode())
    ).json()

    for (const [name, status, body] of [
      ['one cent more', 403, { receipt, ...order, amount: '250.01' }],
      ['another payee', 403, { receipt, ...order, payee: 'Grace Hoppe' }],
      ['another reference', 403, { receipt, ...order, reference: 'order-1816' }],
      ['no reference', 403, { receipt, ...order, reference: undefined }],
      ['an additional field', 403, { receipt, ...order, urgent: true }],
      ['an access token', 401, { ...order, receipt: accessToken }],
      ['a changed receipt', 401, { ...order, receipt: `${receipt.slice(0, -10)}AAAAAAAAAA` }],
      ['an empty body', 401, {}],
      ['null', 401, null]
    ] as const)
      t.equal(await send(body), status, name)
    t.same(paid, [])

    const statuses = await Promise.all(
      Array.from({ length: 50 }, () => send({ receipt, ...order }))
    )
    t.equal(statuses.filter(status => status === 201).length, 1)
    t.equal(statuses.filter(status => status === 409).length, 49)
    t.match(paid, [{ from: String, ...order }])
    t.equal(paid.length, 1)
  }
)
