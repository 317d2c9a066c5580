import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { recordDelivery, type RecordDeliveryPorts } from '../domain/codes/record-delivery.ts'
import type { StatusCallbacks } from '../domain/codes/status-callbacks.ts'
import { requestContext } from '../http/requests/request-context.ts'
import { addFormBodyParser } from '../http/requests/form-body-parser.ts'

// Twilio adds fields without notice, and all of them are signed.
const body = z.record(z.string(), z.union([z.string(), z.array(z.string())])).meta({
  id: 'TwilioStatusCallback',
  description: 'The fields of a status callback. `MessageStatus` and `ErrorCode` are read.',
  examples: [
    {
      MessageSid: 'SM00000000000000000000000000000001',
      MessageStatus: 'undelivered',
      ErrorCode: '30003'
    }
  ]
})

export type TwilioStatusOptions = RecordDeliveryPorts & { statusCallbacks: StatusCallbacks }

/** POST /twilio/status/{id}: Twilio reports the status of a message. */
export const twilioStatusRoute: FastifyPluginAsyncZod<TwilioStatusOptions> = async (
  app,
  options
) => {
  const { statusCallbacks } = options
  addFormBodyParser(app)
  app.post(
    '/twilio/status/:id',
    {
      schema: {
        operationId: 'twilioStatus',
        summary: 'Report the status of a message',
        description:
          'Only Twilio calls this, and only if `PUBLIC_URL` is set. `X-Twilio-Signature` signs ' +
          'the URL and the form with the auth token of the Twilio account. The order and the ' +
          'number of the callbacks make no difference.',
        tags: ['Operations'],
        consumes: ['application/x-www-form-urlencoded'],
        params: z.object({ id: z.string().meta({ description: 'The id of the message.' }) }),
        headers: z.looseObject({
          'x-twilio-signature': z.string().meta({ description: 'The signature of Twilio.' })
        }),
        body,
        response: { 204: z.null().describe('The callback is authentic.') }
      },
      config: {
        problems: ['invalid-signature', 'not-found', 'busy', 'database-unavailable']
      },
      // Before the validation, so that a forged callback is never told what else is wrong with it.
      preValidation: async ({ params: { id }, headers, body: fields }) => {
        statusCallbacks.authenticate({
          messageId: id,
          signature: String(headers['x-twilio-signature']),
          fields
        })
      }
    },
    async (request, reply) => {
      const { params, body: fields } = request
      const report = statusCallbacks.interpret({ messageId: params.id, fields })
      await recordDelivery(options, requestContext(request), report)
      return reply.code(204).send(null)
    }
  )
}
