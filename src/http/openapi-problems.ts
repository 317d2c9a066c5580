import { problemKinds, type ProblemSlug } from './problem-kinds.ts'
import { problem, type Problem } from './problem.ts'

/** What any request may meet, and any with a body, described once for all. */
const anywhere: ProblemSlug[] = ['headers-too-large', 'internal-error']
const withBody: ProblemSlug[] = ['request-timeout', 'payload-too-large', 'unsupported-media-type']

/** The failing responses of an operation: one for each status, with an example for each problem that comes with it. */
export function problemResponses (slugs: ProblemSlug[], hasBody: boolean) {
  const statuses = [...new Set(slugs.map(slug => problemKinds[slug].status))]
  return {
    ...Object.fromEntries(statuses.map(status => [status, problemResponse(slugs.filter(slug => problemKinds[slug].status === status))])),
    ...Object.fromEntries([...anywhere, ...hasBody ? withBody : []].map(slug =>
      [problemKinds[slug].status, { $ref: `#/components/responses/${componentName(slug)}` }]))
  }
}

/** The responses that `problemResponses` refers to. */
export const sharedResponses = () =>
  Object.fromEntries([...anywhere, ...withBody].map(slug => [componentName(slug), problemResponse([slug])]))

/** The problems of `sharedResponses`. */
export const sharedProblems = [...anywhere, ...withBody]

const componentName = (slug: string) => slug.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase())

/** The response of problems that share a status. */
function problemResponse (slugs: ProblemSlug[]) {
  const { status } = problemKinds[slugs[0] ?? 'internal-error']
  return {
    description: slugs.map(slug => `\`${slug}\`: ${problemKinds[slug].title}.`).join('\n'),
    ...(headers[status] === undefined ? {} : { headers: headers[status] }),
    content: {
      'application/problem+json': {
        schema: { $ref: '#/components/schemas/Problem' },
        examples: Object.fromEntries(slugs.map(slug => [slug, { $ref: `#/components/examples/${slug}` }]))
      }
    }
  }
}

/** What each problem looks like on the wire. */
export const problemExamples = (slugs: ProblemSlug[]) =>
  Object.fromEntries(slugs.map(slug =>
    [slug, { summary: problemKinds[slug].title, value: problem(slug, '6b4c7e0e-5f0c-4d69-9d0a-1c0b6c1f2a3d', facts[slug]) }]))

const facts: Partial<Record<ProblemSlug, Partial<Problem>>> = {
  'invalid-request': { errors: [{ pointer: '#/username', detail: 'is required' }] },
  'wrong-code': { attemptsRemaining: 4 },
  'reauthentication-required': { maxAge: 900 },
  'resend-too-soon': { retryAfter: 27 },
  'too-many-attempts': { retryAfter: 840, reason: 'codes' },
  'too-many-texts': { retryAfter: 1800 }
}

const headers: Record<number, object> = {
  401: { 'WWW-Authenticate': { description: 'The scheme to authenticate with (RFC 6750).', schema: { type: 'string' } } },
  429: { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } },
  503: { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } }
}
