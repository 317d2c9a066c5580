import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { CheckCodePorts } from '../domain/check-code.ts'
import { confirmAction, type ConfirmActionPorts, type PendingConfirmation } from '../domain/confirm-action.ts'
import { resendConfirmation } from '../domain/resend-confirmation.ts'
import { verifyConfirmation } from '../domain/verify-confirmation.ts'
import type { AccessTokens } from '../http/access-tokens.ts'
import { callerOf } from '../http/caller-of.ts'
import type { ChallengeTokens } from '../http/challenge-tokens.ts'
import type { Receipts } from '../http/receipts.ts'
import { codeField, mustBe, textField } from './fields.ts'
import { pendingCodeReply, pendingCodeSchema } from './pending-code-reply.ts'

export type ConfirmationsOptions = ConfirmActionPorts & CheckCodePorts & {
  accessTokens: AccessTokens
  confirmationTokens: ChallengeTokens
  receipts: Receipts
}

const exampleToken = 'eyJhbGciOiJIUzI1NiIsInR5cCI6ImNvbmZpcm1hdGlvbitqd3QifQ.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'
const confirmationTokenField = textField(2048).meta({ description: 'The `confirmationToken` of POST /confirmations or POST /confirmations/resend.' })

const action = z.strictObject({
  action: textField(64).meta({ description: 'Which of the operator\'s sentences.' }),
  data: z.record(z.string(), z.union([z.string(), z.number()], 'must be a string or a number'), mustBe('an object'))
    .meta({ description: 'A value for each placeholder of the sentence, 1 to 64 characters that a text message can hold. They stand in the text as they are given: send an amount as a string to keep its zeros.' }),
  reference: z.string(mustBe('a string')).regex(/^[A-Za-z0-9._:/-]{1,64}$/, 'must be 1 to 64 letters, digits or any of . _ : / -').optional()
    .meta({ description: 'Your own name for it; the receipt repeats it.' })
}).meta({ id: 'ConfirmationRequest', examples: [{ action: 'transfer', data: { amount: '250.00', currency: 'EUR', payee: 'Grace Hopper' }, reference: 'order-1815' }] })

const { challengeToken: _token, ...pendingFields } = pendingCodeSchema.shape
const pendingReply = z.object({
  confirmationToken: z.string().meta({ description: 'A JWT that opens POST /confirmations/verify and POST /confirmations/resend, together with the access token that asked.' }),
  text: z.string().meta({ description: 'The sentence in the text message, without the code. Show it.' }),
  ...pendingFields,
  replaced: z.boolean().meta({ description: 'True when another confirmation of this action was pending: it is over.' })
}).meta({
  id: 'PendingConfirmation',
  description: 'The person is being asked, and this is how to go on.',
  examples: [{
    confirmationToken: exampleToken,
    text: 'Send 250.00 EUR to Grace Hopper',
    expiresIn: 600,
    destination: '+1•••••••06',
    codeLength: 6,
    codeExpiresIn: 60,
    resendIn: 30,
    sent: true,
    replaced: false
  }]
})

const receiptReply = z.object({
  receipt: z.string().meta({ description: 'A JWT of type `receipt+jwt`, signed with the published keys, for the service that acts on it.' }),
  expiresIn: z.int().meta({ description: 'Seconds until it expires.' })
}).meta({
  id: 'Receipt',
  description: 'The person has confirmed it. This is said once.',
  examples: [{ receipt: 'eyJhbGciOiJFUzI1NiIsInR5cCI6InJlY2VpcHQrand0In0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl', expiresIn: 300 }]
})

/** POST /confirmations, /confirmations/resend and /confirmations/verify: a code for an action, and the proof that it was typed. */
export const confirmationsRoute: FastifyPluginAsyncZod<ConfirmationsOptions> = async (app, options) => {
  const { accessTokens, confirmationTokens, receipts, codeLength } = options
  const security = [{ accessToken: [] }]
  const told = ({ text, replaced, ...pending }: PendingConfirmation) => {
    const { challengeToken: confirmationToken, ...rest } = pendingCodeReply(confirmationTokens, codeLength, pending)
    return { confirmationToken, text, ...rest, replaced }
  }

  app.post('/confirmations', {
    schema: {
      operationId: 'confirm',
      summary: 'Text an action to be confirmed',
      description: 'The person reads the operator\'s sentence with these values, and a code that confirms just that; the words around it are in the person\'s language. Needs a recent login.',
      tags: ['Confirmations'],
      security,
      body: action,
      response: { 201: pendingReply }
    },
    config: { problems: ['invalid-request', 'invalid-token', 'reauthentication-required', 'unknown-action', 'sms-undeliverable', 'too-many-attempts', 'too-many-texts', 'sms-unavailable', 'database-unavailable'] }
  }, async (request, answer) => {
    const { sub, sid, auth_time: authTime, amr } = accessTokens.read(request.headers.authorization)
    const { reference = null, ...what } = request.body
    answer.code(201)
    return told(await confirmAction(options, callerOf(request), { id: sid, userId: sub, authTime, amr }, { ...what, reference }))
  })

  app.post('/confirmations/resend', {
    schema: {
      operationId: 'resendConfirmation',
      summary: 'Text the action again, with another code',
      description: 'The old code is dead from here on. The attempts left and the end do not change, nor does what is confirmed.',
      tags: ['Confirmations'],
      security,
      body: z.strictObject({ confirmationToken: confirmationTokenField }).meta({ id: 'ResendConfirmationRequest', examples: [{ confirmationToken: exampleToken }] }),
      response: { 200: pendingReply }
    },
    config: { problems: ['invalid-request', 'invalid-token', 'challenge-ended', 'not-found', 'resend-too-soon', 'too-many-attempts', 'too-many-texts', 'sms-undeliverable', 'sms-unavailable', 'database-unavailable'] }
  }, async request => {
    const { sub, sid } = accessTokens.read(request.headers.authorization)
    const challengeId = confirmationTokens.read(request.body.confirmationToken)
    return told(await resendConfirmation(options, callerOf(request), { id: sid, userId: sub }, challengeId))
  })

  app.post('/confirmations/verify', {
    schema: {
      operationId: 'verifyConfirmation',
      summary: 'Exchange confirmation and code for a receipt',
      description: 'Each well-formed code costs one attempt; a right one ends the confirmation.',
      tags: ['Confirmations'],
      security,
      body: z.strictObject({ confirmationToken: confirmationTokenField, code: codeField(codeLength) }).meta({ id: 'VerifyConfirmationRequest', examples: [{ confirmationToken: exampleToken, code: '042137' }] }),
      response: { 200: receiptReply }
    },
    config: { problems: ['invalid-request', 'invalid-token', 'wrong-code', 'code-expired', 'challenge-ended', 'not-found', 'too-many-attempts', 'database-unavailable'] }
  }, async request => {
    const { sub, sid } = accessTokens.read(request.headers.authorization)
    const { confirmationToken, code } = request.body
    const challengeId = confirmationTokens.read(confirmationToken)
    const caller = callerOf(request)
    const subject = await verifyConfirmation(options, caller, { id: sid, userId: sub }, { challengeId, code })
    const { receipt, receiptId, expiresIn } = receipts.sign(sub, subject)
    options.events.record({ name: 'receipt.issued', caller, userId: sub, receiptId })
    return { receipt, expiresIn }
  })
}
