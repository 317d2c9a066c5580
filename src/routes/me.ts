import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { Account } from '../domain/account/account.ts'
import {
  changeLocale,
  changeLocaleRefusals,
  type ChangeLocalePorts
} from '../domain/account/change-locale.ts'
import {
  currentAccount,
  currentAccountRefusals,
  type CurrentAccountPorts
} from '../domain/account/current-account.ts'
import {
  deleteAccount,
  deleteAccountRefusals,
  type DeleteAccountPorts
} from '../domain/account/delete-account.ts'
import { abortOnDisconnect } from '../http/connections/abort-on-disconnect.ts'
import {
  readAccessToken,
  type AccessClaims,
  type AccessTokens
} from '../http/tokens/access-tokens.ts'
import { requestContext } from '../http/requests/request-context.ts'
import { factorsField, passwordField, textField } from './fields.ts'
import { problemsOf } from './problems-of.ts'

export type MeOptions = CurrentAccountPorts &
  ChangeLocalePorts &
  DeleteAccountPorts & { accessTokens: AccessTokens }

const meSchema = z
  .object({
    id: z.uuid().meta({ description: 'The same as `sub` in the access token.' }),
    username: z.string(),
    phone: z.string().nullable().meta({ description: 'The masked number on file.' }),
    locale: z.string().nullable().meta({
      description: 'The language of messages, a BCP 47 tag. If null, `Accept-Language` decides.'
    }),
    claims: z
      .record(z.string(), z.unknown())
      .meta({ description: "The operator's claims, as access tokens contain them." }),
    sessionId: z.string().meta({ description: 'The same as `sid` in the access token.' }),
    authenticatedAt: z.iso
      .datetime()
      .meta({ description: 'When the user logged in with password and code.' }),
    factors: factorsField
  })
  .meta({
    id: 'Me',
    description: 'The user that the access token belongs to.',
    examples: [
      {
        id: '0f8fad5b-d9cb-469f-a165-70867728950e',
        username: 'ada',
        phone: '+1•••••••06',
        locale: 'pt-BR',
        claims: { roles: ['editor'] },
        sessionId: 'q8kPz1xJw3mNfT5vRb2yAg',
        authenticatedAt: '2026-01-31T12:00:00.000Z',
        factors: { sms: true, totp: false, recoveryCodes: 0 }
      }
    ]
  })

const toReply = (account: Account, { sid, auth_time: authTime }: AccessClaims) => ({
  ...account,
  sessionId: sid,
  authenticatedAt: new Date(authTime * 1000).toISOString()
})

/** GET, PATCH and DELETE /me: the account of the access token. */
export const meRoute: FastifyPluginAsyncZod<MeOptions> = async (
  app,
  { accessTokens, ...ports }
) => {
  const security = [{ accessToken: [] }]

  app.get(
    '/me',
    {
      schema: {
        operationId: 'me',
        summary: 'Get the user of the access token',
        description:
          'Fails as soon as the session has ended. A service that verifies the token locally ' +
          'accepts it until it expires.',
        tags: ['Account'],
        security,
        response: { 200: meSchema }
      },
      config: { problems: problemsOf(...currentAccountRefusals) }
    },
    async request => {
      const claims = readAccessToken(accessTokens, request)
      const session = { id: claims.sid, userId: claims.sub }
      return toReply(await currentAccount(ports, requestContext(request), session), claims)
    }
  )

  app.patch(
    '/me',
    {
      schema: {
        operationId: 'changeMe',
        summary: "Change the language of the user's messages",
        tags: ['Account'],
        security,
        body: z
          .strictObject({
            locale: textField(128)
              .nullable()
              .meta({
                description:
                  'A BCP 47 tag. With null, `Accept-Language` decides. It also decides if there ' +
                  'are no messages in this language.'
              })
          })
          .meta({ id: 'ChangeMeRequest', examples: [{ locale: 'pt-BR' }] }),
        response: { 200: meSchema }
      },
      config: { problems: problemsOf(...changeLocaleRefusals) }
    },
    async request => {
      const claims = readAccessToken(accessTokens, request)
      const session = { id: claims.sid, userId: claims.sub }
      const { locale } = request.body
      return toReply(await changeLocale(ports, requestContext(request), session, locale), claims)
    }
  )

  app.delete(
    '/me',
    {
      schema: {
        operationId: 'deleteMe',
        summary: 'Delete the account',
        description:
          'Deletes the user and all their data immediately and permanently. ' +
          'Requires a recent login. ' +
          'Access tokens of the user stay valid in services that verify them locally, until they ' +
          'expire.',
        tags: ['Account'],
        security,
        body: z
          .strictObject({ password: passwordField })
          .meta({ id: 'DeleteMeRequest', examples: [{ password: '<the current password>' }] }),
        response: { 204: z.null().describe('The account has been deleted.') }
      },
      config: { problems: problemsOf('invalid-request', ...deleteAccountRefusals) }
    },
    async (request, reply) => {
      const claims = readAccessToken(accessTokens, request)
      const { sub: userId, sid: id, auth_time: authTime, amr } = claims
      await deleteAccount(
        ports,
        requestContext(request),
        { id, userId, authTime, amr },
        request.body.password,
        abortOnDisconnect(reply)
      )
      return reply.code(204).send(null)
    }
  )
}
