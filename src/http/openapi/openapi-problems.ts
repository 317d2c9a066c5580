import { problemKinds, type ProblemSlug } from '../problems/problem-kinds.ts'
import { problem, type Problem } from '../problems/problem.ts'

// Problems of every operation, and of every operation with a body. They are described once.
const anywhere: ProblemSlug[] = ['headers-too-large', 'internal-error']
const withBody: ProblemSlug[] = ['request-timeout', 'payload-too-large', 'unsupported-media-type']

/** The error responses of an operation: one per status, with an example of each problem. */
export function problemResponses(slugs: ProblemSlug[], hasBody: boolean) {
  const statuses = [...new Set(slugs.map(slug => problemKinds[slug].status))]
  return {
    ...Object.fromEntries(
      statuses.map(status => [
        status,
        problemResponse(slugs.filter(slug => problemKinds[slug].status === status))
      ])
    ),
    ...Object.fromEntries(
      [...anywhere, ...(hasBody ? withBody : [])].map(slug => [
        problemKinds[slug].status,
        { $ref: `#/components/responses/${componentName(slug)}` }
      ])
    )
  }
}

/** The problems of `sharedResponses`. No documented operation returns `method-not-allowed`. */
export const sharedProblems: ProblemSlug[] = [...anywhere, ...withBody, 'method-not-allowed']

/** The responses that `problemResponses` refers to. */
export const sharedResponses = () =>
  Object.fromEntries(sharedProblems.map(slug => [componentName(slug), problemResponse([slug])]))

const componentName = (slug: string) =>
  slug.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())

/** The response for problems with the same status. */
function problemResponse(slugs: ProblemSlug[]) {
  const { status } = problemKinds[slugs[0] ?? 'internal-error']
  return {
    description: slugs.map(slug => `\`${slug}\`: ${problemKinds[slug].title}.`).join('\n'),
    headers: { ...headers[status], ...everyResponse },
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(
          slugs.map(slug => [slug, { $ref: `#/components/examples/${slug}` }])
        )
      }
    }
  }
}

/** A response body for each of these problems. */
export const problemExamples = (slugs: ProblemSlug[]) =>
  Object.fromEntries(
    slugs.map(slug => [
      slug,
      {
        summary: problemKinds[slug].title,
        value: problem(slug, '6b4c7e0e-5f0c-4d69-9d0a-1c0b6c1f2a3d', facts[slug])
      }
    ])
  )

const facts: Partial<Record<ProblemSlug, Partial<Problem>>> = {
  'invalid-request': { errors: [{ pointer: '#/username', detail: 'is required' }] },
  'wrong-code': { attemptsRemaining: 4 },
  'reauthentication-required': { maxAge: 900 },
  'resend-too-soon': { retryAfter: 27 },
  'too-many-attempts': { retryAfter: 840, reason: 'codes' },
  'too-many-texts': { retryAfter: 1800 }
}

/** The headers of every response, whatever it says. */
export const everyResponse = { 'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' } }

/** The headers that `everyResponse` refers to. */
export const sharedHeaders = {
  'X-Request-Id': {
    description:
      'The id of the request: the `X-Request-Id` that you sent, if it has 1 to 128 characters ' +
      'of A-Z, a-z, 0-9, `.`, `_`, `~` and `-`, or a new one. The log of the service has it as ' +
      '`reqId`, and a problem as `instance`.',
    schema: { type: 'string', pattern: '^[A-Za-z0-9._~-]{1,128}$' }
  }
}

const headers: Record<number, object> = {
  405: { Allow: { description: 'The methods of this path.', schema: { type: 'string' } } },
  401: {
    'WWW-Authenticate': {
      description: 'The authentication scheme (RFC 6750).',
      schema: { type: 'string' }
    }
  },
  429: { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } },
  503: { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } }
}
