import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { CheckCodePorts } from '../domain/codes/verify-code.ts'
import {
  confirmAction,
  confirmActionRefusals,
  type ConfirmActionPorts,
  type ConfirmationStatus
} from '../domain/confirmations/confirm-action.ts'
import {
  resendConfirmation,
  resendConfirmationRefusals
} from '../domain/confirmations/resend-confirmation.ts'
import {
  verifyConfirmation,
  verifyConfirmationRefusals
} from '../domain/confirmations/verify-confirmation.ts'
import type { RequireLiveSessionPorts } from '../domain/sessions/require-live-session.ts'
import { readAccessToken, type AccessTokens } from '../http/tokens/access-tokens.ts'
import { requestContext } from '../http/requests/request-context.ts'
import type { ChallengeTokens } from '../http/tokens/challenge-tokens.ts'
import { refuseInexactNumbers } from '../http/requests/exact-numbers.ts'
import { addJsonBodyParser } from '../http/requests/json-body-parser.ts'
import type { Receipts } from '../http/tokens/receipts.ts'
import { codeField, mustBe, placeholder, textField } from './fields.ts'
import { codeStatusReply, codeStatusSchema } from './code-status-reply.ts'
import { problemsOf } from './problems-of.ts'

export type ConfirmationsOptions = ConfirmActionPorts &
  CheckCodePorts &
  RequireLiveSessionPorts & {
    accessTokens: AccessTokens
    confirmationTokens: ChallengeTokens
    receipts: Receipts
  }

const exampleToken = 'eyJ0eXAiOiJjb25maXJtYXRpb24rand0In0.eyJzdWIiOiJ4In0.c2ln'
const confirmationTokenField = textField(2048).meta({
  description: 'The `confirmationToken` of POST /confirmations or POST /confirmations/resend.'
})

// The bounds only document. `confirmAction` validates the values and explains errors.
const valueText = z.string().meta({ minLength: 1, maxLength: 64 })

const action = z
  .strictObject({
    action: textField(64).meta({ description: "The name of one of the operator's templates." }),
    data: z
      .record(
        z.string(),
        z.union([valueText, z.number()], 'must be a string or a number'),
        mustBe('an object')
      )
      .meta({
        description:
          'A value for each placeholder of the template: 1 to 64 characters in NFC, any script. ' +
          'It must not look like a code, a phone number or a link. The message contains the ' +
          'values unchanged, so send an amount as a string to keep its zeros.'
      }),
    reference: z
      .string(mustBe('a string'))
      .regex(/^[A-Za-z0-9._:/-]{1,64}$/, 'must be 1 to 64 letters, digits or any of . _ : / -')
      .optional()
      .meta({ description: 'Your own reference. The receipt repeats it.' })
  })
  .meta({
    id: 'ConfirmationRequest',
    examples: [
      {
        action: 'transfer',
        data: { amount: '250.00', currency: 'EUR', payee: 'Grace Hopper' },
        reference: 'order-1815'
      }
    ]
  })

const { challengeToken: _token, ...pendingFields } = codeStatusSchema.shape
const pendingSchema = z
  .object({
    confirmationToken: z.string().meta({
      description:
        'A JWT for POST /confirmations/verify and POST /confirmations/resend. Both also need an ' +
        'access token of the session that requested the confirmation.'
    }),
    text: z
      .string()
      .meta({ description: 'The sentence in the message, without the code. Show it to the user.' }),
    ...pendingFields,
    replaced: z.boolean().meta({
      description: 'True when this ended another pending confirmation of the same action.'
    })
  })
  .meta({
    id: 'PendingConfirmation',
    description: 'A pending confirmation, and the token to submit its code with.',
    examples: [
      {
        confirmationToken: exampleToken,
        text: 'Send 250.00 EUR to Grace Hopper',
        expiresIn: 600,
        destination: '+1•••••••06',
        codeLength: 6,
        codeExpiresIn: 60,
        resendIn: 30,
        sent: true,
        replaced: false
      }
    ]
  })

const receiptSchema = z
  .object({
    receipt: z.string().meta({
      description:
        'A JWT of type `receipt+jwt` for the service that executes the action. It is signed with ' +
        'the published keys.'
    }),
    expiresIn: z.int().meta({ description: 'Seconds until the receipt expires.' })
  })
  .meta({
    id: 'Receipt',
    description: 'The user has confirmed the action. The receipt is issued once.',
    examples: [
      {
        receipt: 'eyJhbGciOiJFUzI1NiIsInR5cCI6InJlY2VpcHQrand0In0.eyJzdWIiOiJ4In0.c2ln',
        expiresIn: 300
      }
    ]
  })

/**
 * POST /confirmations, /confirmations/resend and /confirmations/verify: the user confirms an action
 * with a code, and the caller gets a receipt.
 */
export const confirmationsRoute: FastifyPluginAsyncZod<ConfirmationsOptions> = async (
  app,
  options
) => {
  const { accessTokens, confirmationTokens, receipts, codeLength } = options
  const security = [{ accessToken: [] }]
  const toReply = ({ text, replaced, ...pending }: ConfirmationStatus) => {
    const { challengeToken: confirmationToken, ...rest } = codeStatusReply(
      confirmationTokens,
      codeLength,
      pending
    )
    return { confirmationToken, text, ...rest, replaced }
  }

  addJsonBodyParser(app, refuseInexactNumbers)
  app.post(
    '/confirmations',
    {
      schema: {
        operationId: 'confirm',
        summary: 'Request the confirmation of an action',
        description:
          "Sends the operator's sentence with these values, and a code that confirms exactly " +
          "this sentence. The rest of the message is in the user's language. Requires a recent " +
          'login.',
        tags: ['Confirmations'],
        security,
        body: action,
        response: { 201: pendingSchema }
      },
      config: {
        problems: problemsOf('invalid-request', ...confirmActionRefusals)
      }
    },
    async (request, reply) => {
      const { sub, sid, auth_time: authTime, amr } = readAccessToken(accessTokens, request)
      const { reference = null, ...what } = request.body
      reply.code(201)
      return toReply(
        await confirmAction(
          options,
          requestContext(request),
          { id: sid, userId: sub, authTime, amr },
          { ...what, reference }
        )
      )
    }
  )

  app.post(
    '/confirmations/resend',
    {
      schema: {
        operationId: 'resendConfirmation',
        summary: 'Send the action again with a new code',
        description:
          'The old code stops working. The action, the attempts left and the expiry do not change.',
        tags: ['Confirmations'],
        security,
        body: z.strictObject({ confirmationToken: confirmationTokenField }).meta({
          id: 'ResendConfirmationRequest',
          examples: [{ confirmationToken: placeholder.confirmationToken }]
        }),
        response: { 200: pendingSchema }
      },
      config: {
        problems: problemsOf('invalid-request', ...resendConfirmationRefusals)
      }
    },
    async request => {
      const { sub, sid } = readAccessToken(accessTokens, request)
      const challengeId = confirmationTokens.read(request.body.confirmationToken)
      return toReply(
        await resendConfirmation(
          options,
          requestContext(request),
          { id: sid, userId: sub },
          challengeId
        )
      )
    }
  )

  app.post(
    '/confirmations/verify',
    {
      schema: {
        operationId: 'verifyConfirmation',
        summary: 'Exchange the confirmation token and the code for a receipt',
        description:
          'Each well-formed code uses one attempt. The right code ends the confirmation.',
        tags: ['Confirmations'],
        security,
        body: z
          .strictObject({ confirmationToken: confirmationTokenField, code: codeField(codeLength) })
          .meta({
            id: 'VerifyConfirmationRequest',
            examples: [{ confirmationToken: placeholder.confirmationToken, code: '123456' }]
          }),
        response: { 200: receiptSchema }
      },
      config: {
        problems: problemsOf('invalid-request', ...verifyConfirmationRefusals)
      }
    },
    async request => {
      const { sub, sid } = readAccessToken(accessTokens, request)
      const { confirmationToken, code } = request.body
      const challengeId = confirmationTokens.read(confirmationToken)
      const context = requestContext(request)
      const details = await verifyConfirmation(
        options,
        context,
        { id: sid, userId: sub },
        { challengeId, code }
      )
      const { receipt, receiptId, expiresIn } = receipts.sign(sub, details)
      options.events.record({ name: 'receipt.issued', context, userId: sub, receiptId })
      return { receipt, expiresIn }
    }
  )
}
