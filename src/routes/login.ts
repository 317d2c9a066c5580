import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { logIn, type LogInPorts } from '../domain/log-in.ts'
import { callerOf } from '../http/caller-of.ts'
import type { ChallengeTokens } from '../http/challenge-tokens.ts'
import { whenGone } from '../http/when-gone.ts'
import { textField } from './fields.ts'
import { pendingCodeReply, pendingCodeSchema } from './pending-code-reply.ts'

export type LoginOptions = LogInPorts & { challengeTokens: ChallengeTokens, codeLength: number }

const body = z.strictObject({
  // PostgreSQL has no text with a NUL in it.
  username: textField(256).refine(text => !text.includes('\0'), 'must not contain a NUL'),
  password: textField(256).meta({ format: 'password' })
}).meta({ id: 'LoginRequest', examples: [{ username: 'ada', password: 'correct horse battery staple' }] })

/** POST /login: the password, for a code by text message. */
export const loginRoute: FastifyPluginAsyncZod<LoginOptions> = async (app, options) => {
  app.post('/login', {
    schema: {
      operationId: 'login',
      summary: 'Check the password and text a code',
      description: 'The first step. The code goes to the number on file, in the language on file or else the one that `Accept-Language` asks for; the answer says how to go on. A second login while the code is fresh sends no second text (`sent` is false) and continues the same challenge.',
      tags: ['Login'],
      body,
      response: { 200: pendingCodeSchema }
    },
    config: { problems: ['invalid-request', 'invalid-credentials', 'sms-undeliverable', 'too-many-attempts', 'too-many-texts', 'busy', 'sms-unavailable', 'database-unavailable'] }
  }, async (request, reply) => {
    const pending = await logIn(options, callerOf(request), request.body, whenGone(reply))
    return pendingCodeReply(options.challengeTokens, options.codeLength, pending)
  })
}
