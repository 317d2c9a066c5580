import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import {
  createUser,
  createUserRefusals,
  type CreateUserPorts
} from '../../domain/admin/create-user.ts'
import { listUsers, type ListUsersPorts } from '../../domain/admin/list-users.ts'
import type { Clock } from '../../domain/clock.ts'
import { adminRequest } from '../../http/hooks/require-api-key.ts'
import type { UserCursors } from '../../http/tokens/user-cursors.ts'
import { adminProblems, adminRoute } from './admin-route.ts'
import { exampleUser, toUserReply, userSchema } from './managed-user.ts'
import { createUserBody } from './user-body.ts'

export type UsersOptions = CreateUserPorts &
  ListUsersPorts & { clock: Clock; userCursors: UserCursors }

const usersSchema = z
  .object({
    users: z.array(userSchema),
    next: z
      .string()
      .nullable()
      .meta({ description: 'The `after` of the next page. Null on the last page.' })
  })
  .meta({
    id: 'Users',
    description: 'A page of users, by username.',
    examples: [{ users: [exampleUser], next: null }]
  })

const text = (most: number, description: string) =>
  z
    .string('must be given once')
    .max(most, `must be at most ${most} characters`)
    // eslint-disable-next-line no-control-regex -- The pattern excludes NUL.
    .regex(/^[^\u0000\ud800-\udfff]*$/u, 'must be valid Unicode without a NUL')
    .optional()
    .meta({ description })

const query = z.strictObject({
  username: text(256, 'Only the user with this username.'),
  phone: text(64, 'Only users with this number.').transform(phone =>
    // A plus sign that is not percent-encoded arrives as a space.
    phone?.replace(/^ /, '+')
  ),
  search: text(256, 'Only users whose username begins with this text, in any case or width.'),
  limit: z
    .string('must be given once')
    .regex(/^(?:[1-9]\d?|[1-4]\d\d|500)?$/, 'must be a whole number from 1 to 500')
    .optional()
    // An empty text is the same as none, as a form sends it.
    .transform(limit => Number(limit || 50))
    .meta({
      description: 'Users per page.',
      type: 'integer',
      minimum: 1,
      maximum: 500,
      default: 50
    }),
  after: text(1024, 'The `next` of the page before.')
})

/** GET /users and POST /users: list users, and add one. */
export const usersRoute: FastifyPluginAsyncZod<UsersOptions> = async (app, options) => {
  app.get(
    '/users',
    {
      schema: {
        ...adminRoute,
        operationId: 'listUsers',
        summary: 'List users',
        description: 'Users are sorted by username, as it is compared. All filters must match.',
        querystring: query,
        response: { 200: usersSchema }
      },
      config: { problems: adminProblems('invalid-request') }
    },
    async request => {
      const { limit, after, ...filter } = request.query
      const { users, next } = await listUsers(
        options,
        filter,
        limit,
        options.userCursors.read(after)
      )
      const now = options.clock()
      return {
        users: users.map(user => toUserReply(user, now)),
        next: options.userCursors.write(next)
      }
    }
  )

  app.post(
    '/users',
    {
      schema: {
        ...adminRoute,
        operationId: 'createUser',
        summary: 'Add a user',
        description:
          'Takes `password` or `passwordHash`. The `Location` header of the response is the path ' +
          'of the user.',
        body: createUserBody,
        response: { 201: userSchema }
      },
      config: { problems: adminProblems(...createUserRefusals) }
    },
    async (request, reply) => {
      const user = await createUser(options, adminRequest(request), request.body)
      return reply
        .code(201)
        .header('location', `/users/${user.id}`)
        .send(toUserReply(user, options.clock()))
    }
  )
}
