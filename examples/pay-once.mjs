// The service that moves the money: it pays what a person has confirmed, once, and nothing else.
//
//   LOGIN_URL=http://127.0.0.1:3000 node examples/pay-once.mjs
//   curl -sS http://127.0.0.1:4000/transfers -H 'content-type: application/json' -d '{"receipt":"…","amount":"250.00","currency":"EUR","payee":"Grace Hopper","reference":"order-1815"}'

import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { isDeepStrictEqual } from 'node:util'
import { createRemoteJWKSet, jwtVerify } from 'jose'

/**
 * A server that takes `POST /transfers` with a receipt and calls `pay` for it. `issuer` and `audience` are JWT_ISSUER and
 * JWT_AUDIENCE of the login service at `loginUrl`.
 */
export function paymentService ({ loginUrl, issuer = loginUrl, audience = loginUrl, pay }) {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', loginUrl))
  // In earnest: a table with a unique index on `jti`, written in the transaction that books the payment.
  const used = new Set()

  async function transfer ({ receipt, reference = null, ...data }) {
    const { payload } = await jwtVerify(String(receipt), keys, {
      algorithms: ['ES256'], typ: 'receipt+jwt', issuer, audience, requiredClaims: ['sub', 'exp', 'jti', 'action', 'data']
    }).catch(() => { throw refusal(401, 'no valid receipt') })
    // Not what the receipt says is paid, but what was asked for, if the receipt says the same: all of it.
    if (payload.action !== 'transfer' || !isDeepStrictEqual(payload.data, data) || payload.reference !== reference) throw refusal(403, 'the person confirmed something else')
    // Nothing may come between the question and the entry, or two requests at once would both be paid.
    if (used.has(payload.jti)) throw refusal(409, 'this receipt was used before')
    used.add(payload.jti)
    await pay({ ...data, reference, from: payload.sub })
    return { paid: true }
  }

  return createServer(async (request, response) => {
    const answer = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    try {
      if (request.method !== 'POST' || request.url !== '/transfers') throw refusal(404, 'only POST /transfers')
      answer(201, await transfer(await json(request).catch(() => { throw refusal(400, 'no JSON') }) ?? {}))
    } catch (error) {
      answer(error.status ?? 500, { error: error.status === undefined ? 'not paid, or nobody knows' : error.message })
    }
  })
}

const refusal = (status, message) => Object.assign(new Error(message), { status })

if (import.meta.url === `file://${process.argv[1]}`) {
  const loginUrl = process.env.LOGIN_URL ?? 'http://127.0.0.1:3000'
  const service = paymentService({ loginUrl, pay: async payment => console.log('paid', payment) })
  service.listen(4000, '127.0.0.1', () => console.log('POST http://127.0.0.1:4000/transfers'))
}
