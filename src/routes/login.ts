import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { logIn, logInRefusals, type LogInPorts } from '../domain/login/log-in.ts'
import { maxUsernameLength } from '../domain/login/username.ts'
import { requestContext } from '../http/requests/request-context.ts'
import type { ChallengeTokens } from '../http/tokens/challenge-tokens.ts'
import { abortOnDisconnect } from '../http/connections/abort-on-disconnect.ts'
import { passwordField, storedTextField } from './fields.ts'
import { codeStatusReply, codeStatusSchema } from './code-status-reply.ts'
import { problemsOf } from './problems-of.ts'

export type LoginOptions = LogInPorts & { challengeTokens: ChallengeTokens; codeLength: number }

const body = z
  .strictObject({
    username: storedTextField(maxUsernameLength),
    password: passwordField
  })
  .meta({
    id: 'LoginRequest',
    // The user that `npm start` adds outside production. Its password is random.
    examples: [{ username: 'demo', password: '<the password that npm start printed>' }]
  })

/** POST /login: checks the password and sends a code. */
export const loginRoute: FastifyPluginAsyncZod<LoginOptions> = async (app, options) => {
  app.post(
    '/login',
    {
      schema: {
        operationId: 'login',
        summary: 'Check the password and send a code',
        description:
          'The first step. The code is sent to the number on file, in the language on file or, ' +
          'without one, in a language of `Accept-Language`. While the code is valid and the ' +
          'cooldown has not passed, another login sends no message (`sent` is false) and ' +
          'continues the same challenge.',
        tags: ['Login'],
        body,
        response: { 200: codeStatusSchema }
      },
      config: {
        problems: problemsOf('invalid-request', ...logInRefusals)
      }
    },
    async (request, reply) => {
      const pending = await logIn(
        options,
        requestContext(request),
        request.body,
        abortOnDisconnect(reply)
      )
      return codeStatusReply(options.challengeTokens, options.codeLength, pending)
    }
  )
}
