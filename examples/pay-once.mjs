// A payment service that makes each transfer exactly once, and only if the user has confirmed it.
//
//   LOGIN_URL=http://127.0.0.1:3000 node examples/pay-once.mjs
//   curl -sS http://127.0.0.1:4000/transfers -H 'content-type: application/json' -d '{
//     "receipt": "…", "amount": "250.00", "currency": "EUR", "payee": "Grace Hopper",
//     "reference": "order-1815"
//   }'

import { realpathSync } from 'node:fs'
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { isDeepStrictEqual } from 'node:util'
import { createRemoteJWKSet, jwtVerify } from 'jose'

/**
 * Returns a server that accepts `POST /transfers` with a receipt and calls `pay` for it. `issuer`
 * and `audience` are JWT_ISSUER and JWT_AUDIENCE of the login service at `loginUrl`.
 */
export function paymentService({
  loginUrl,
  issuer = loginUrl.replace(/[/]+$/, ''),
  audience = issuer,
  pay
}) {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', loginUrl))
  // In production use a table with a unique index on `jti`, and insert into it in the transaction
  // that makes the payment.
  const used = new Set()

  async function transfer({ receipt, reference = null, ...data }) {
    const { payload } = await jwtVerify(String(receipt), keys, {
      algorithms: ['ES256'],
      typ: 'receipt+jwt',
      issuer,
      audience,
      requiredClaims: ['sub', 'exp', 'jti', 'action', 'data']
    }).catch(() => {
      throw refusal(401, 'the receipt is not valid')
    })
    // Pay what the request says only if the receipt matches all of its fields.
    if (
      payload.action !== 'transfer' ||
      !isDeepStrictEqual(payload.data, data) ||
      payload.reference !== reference
    )
      throw refusal(403, 'the user confirmed a different transfer')
    // Race: no await may come between the check and the insertion. Otherwise two concurrent
    // requests would both be paid.
    if (used.has(payload.jti)) throw refusal(409, 'the receipt has already been used')
    used.add(payload.jti)
    await pay({ ...data, reference, from: payload.sub })
    return { paid: true }
  }

  return createServer(async (request, response) => {
    const send = (status, body) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    try {
      if (request.method !== 'POST' || request.url !== '/transfers')
        throw refusal(404, 'only POST /transfers exists')
      const body = await json(request).catch(() => {
        throw refusal(400, 'the body is not JSON')
      })
      send(201, await transfer(body ?? {}))
    } catch (error) {
      const isRefusal = error.status !== undefined
      send(error.status ?? 500, {
        error: isRefusal ? error.message : 'the transfer failed, or its state is unknown'
      })
    }
  })
}

const refusal = (status, message) => Object.assign(new Error(message), { status })

if (process.argv[1] && realpathSync(process.argv[1]) === import.meta.filename) {
  const loginUrl = process.env.LOGIN_URL ?? 'http://127.0.0.1:3000'
  const service = paymentService({ loginUrl, pay: async payment => console.log('paid', payment) })
  service.listen(4000, '127.0.0.1', () => console.log('POST http://127.0.0.1:4000/transfers'))
}
