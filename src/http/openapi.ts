import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { problem, problemKinds, problemSchema, type ProblemSlug } from './problems.ts'

/** Collects the routes registered from here on, so that `app.swagger()` tells them as an OpenAPI 3.1 document. */
export async function describeRoutes (app: FastifyInstance) {
  const problemsOf = new Map<unknown, ProblemSlug[]>()

  await app.register(swagger, {
    openapi: overview,
    transform (document) {
      const described = jsonSchemaTransform(document)
      problemsOf.set(document.schema?.operationId, z.object({ problems: z.array(slugs) }).parse(document.route.config).problems)
      return described
    },
    transformObject (document) {
      const described = jsonSchemaTransformObject(document)
      for (const operation of Object.values(described.paths ?? {}).flatMap(path => [path?.get, path?.post])) {
        if (operation) operation.responses = { ...operation.responses, ...problemResponses(problemsOf.get(operation.operationId) ?? []) }
      }
      return described
    }
  })
}

const slugs = z.enum(Object.keys(problemKinds) as ProblemSlug[])

/** One response for each status, with an example for each problem that comes with it. */
function problemResponses (of: ProblemSlug[]) {
  const all: ProblemSlug[] = [...of, 'internal-error']
  const statuses = [...new Set(all.map(slug => problemKinds[slug].status))].sort()
  return Object.fromEntries(statuses.map(status => {
    const alike = all.filter(slug => problemKinds[slug].status === status)
    return [status, {
      description: alike.map(slug => `\`${slug}\`: ${problemKinds[slug].title}.`).join('\n'),
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: Object.fromEntries(alike.map(slug => [slug, { value: problem(slug, '6b4c7e0e-5f0c-4d69-9d0a-1c0b6c1f2a3d', exampleFacts[slug]) }]))
        }
      },
      ...headers(status)
    }]
  }))
}

const exampleFacts: Partial<Record<ProblemSlug, Partial<z.infer<typeof problemSchema>>>> = {
  'invalid-request': { errors: [{ pointer: '#/username', detail: 'is required' }] },
  'wrong-code': { attemptsRemaining: 4 },
  'resend-too-soon': { retryAfter: 27 }
}

function headers (status: number) {
  if (status === 401) return { headers: { 'WWW-Authenticate': { description: 'The scheme to use (RFC 6750).', schema: { type: 'string' } } } }
  if (status === 429) return { headers: { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } } }
  return {}
}

const overview = {
  openapi: '3.1.0',
  info: {
    title: 'sms-login',
    version: '0.1.0',
    summary: 'Password, then a code by text message, then a token.',
    description: `Log people in with a password and a code by text message, and get a JWT that any service can verify.

1. \`POST /login\` checks the password and texts a code.
2. \`POST /verify\` exchanges the code for an access token; \`POST /resend\` texts another code.

Every failure is a problem (RFC 9457), \`application/problem+json\`, whose \`type\` ends in a name that stays the same.
Request bodies are JSON of at most 16 KiB, and a key that is not listed here is an error.
`,
    license: { name: 'MIT', identifier: 'MIT' }
  },
  servers: [{ url: 'http://127.0.0.1:3000', description: 'Where `npm start` listens.' }],
  tags: [
    { name: 'Login', description: 'The two steps of a login.' },
    { name: 'Tokens', description: 'What a login yields, and how others check it.' },
    { name: 'Operations', description: 'For load balancers and supervisors.' }
  ],
  security: [],
  components: {
    securitySchemes: {
      accessToken: { type: 'http' as const, scheme: 'bearer', bearerFormat: 'JWT', description: 'The `accessToken` of `POST /verify`.' }
    }
  }
}
