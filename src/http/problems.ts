import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { Refusal, type RefusalSlug } from '../domain/refusal.ts'

/** What a problem of one kind always says. `detail` tells a developer what to do next. */
export type ProblemKind = { status: number, title: string, detail: string }

/** The kinds that HTTP itself brings along, besides the refusals. */
export type TransportSlug = 'invalid-request' | 'not-found' | 'payload-too-large' | 'unsupported-media-type' | 'request-timeout' | 'headers-too-large' | 'internal-error'

/** The names of all problems there are. */
export type ProblemSlug = RefusalSlug | TransportSlug

/** Every "no" there is, and the only place that knows its status. A new slug doesn't compile until it has its row. */
export const problemKinds: Record<ProblemSlug, ProblemKind> = {
  'invalid-request': { status: 400, title: 'The request is not what this endpoint takes', detail: 'Correct what `errors` names and send it again; nothing was changed.' },
  'invalid-credentials': { status: 401, title: 'Wrong username or password', detail: 'Ask for both again. Which of them was wrong is not told.' },
  'wrong-code': { status: 401, title: 'Wrong code', detail: 'Ask for the code again; `attemptsRemaining` says how often.' },
  'code-expired': { status: 401, title: 'The code has expired', detail: 'Ask for a new one with POST /resend.' },
  'challenge-ended': { status: 401, title: 'This login is over', detail: 'It was finished, replaced or given up, or its time is up. Start again with POST /login.' },
  'invalid-token': { status: 401, title: 'No valid access token', detail: 'Send `Authorization: Bearer <access token>` with a token that has not expired, or log in again.' },
  'not-found': { status: 404, title: 'Nothing here', detail: 'There is no such path, or not with this method.' },
  'request-timeout': { status: 408, title: 'The request came too slowly', detail: 'Send it again.' },
  'payload-too-large': { status: 413, title: 'The request body is too large', detail: 'At most 16 KiB are read.' },
  'unsupported-media-type': { status: 415, title: 'Only JSON is read', detail: 'Send the body with `Content-Type: application/json`.' },
  'sms-undeliverable': { status: 422, title: 'This number can\'t be texted', detail: 'The number on file can\'t receive our texts. Asking again won\'t help; its owner needs the operator.' },
  'resend-too-soon': { status: 429, title: 'Too soon for another code', detail: 'Wait for `Retry-After` seconds; the code on its way is still good.' },
  'headers-too-large': { status: 431, title: 'The request headers are too large', detail: 'Send fewer or shorter headers.' },
  'internal-error': { status: 500, title: 'Something went wrong here', detail: 'It is not your request. Try again later; `instance` helps the operator to find it.' },
  busy: { status: 503, title: 'Too many logins at once', detail: 'Try again after `Retry-After` seconds.' },
  'sms-unavailable': { status: 503, title: 'The text could not be sent', detail: 'No code is on its way. Try again.' },
  'not-ready': { status: 503, title: 'Not ready', detail: 'The database does not answer, or its migrations are not applied.' }
}

/** The wire form of every failure (RFC 9457). */
export const problemSchema = z.object({
  type: z.string().meta({ description: 'What kind of problem this is; the last part is stable and meant for programs.' }),
  title: z.string(),
  status: z.int(),
  detail: z.string().meta({ description: 'For the developer, not for the person.' }),
  instance: z.string().meta({ description: 'The id of this request, as the server\'s log has it.' }),
  errors: z.array(z.object({
    pointer: z.string().meta({ description: 'A JSON pointer into the request body.' }),
    detail: z.string()
  })).optional().meta({ description: 'With `invalid-request`: what is wrong, field by field.' }),
  attemptsRemaining: z.int().optional().meta({ description: 'With `wrong-code`: how many more codes can be tried.' }),
  retryAfter: z.int().optional().meta({ description: 'Seconds to wait, the same as the header `Retry-After`.' })
}).meta({ id: 'Problem', description: 'A failure, as RFC 9457 has it.' })

export type Problem = z.infer<typeof problemSchema>

/** The problem of that kind, of the request with that id. */
export const problem = (slug: ProblemSlug, instance: string, more: Partial<Problem> = {}): Problem =>
  ({ type: `/problems/${slug}`, ...problemKinds[slug], instance, ...more })

/** Fastify's error handler: tells the caller what it may know, and the log what the operator must. */
export function sendProblem (error: FastifyError | Refusal, request: FastifyRequest, reply: FastifyReply) {
  const told = toProblem(error, request.id)
  if (told.status === 500) request.log.error({ err: error }, 'request failed')
  return send(told, request, reply)
}

/** Fastify's handler for paths and methods that don't exist. */
export const sendNotFound = (request: FastifyRequest, reply: FastifyReply) => send(problem('not-found', request.id), request, reply)

/** Refuses a request for its form. */
export const sendInvalid = (request: FastifyRequest, reply: FastifyReply, detail: string) => send(problem('invalid-request', request.id, { detail }), request, reply)

function send (told: Problem, request: FastifyRequest, reply: FastifyReply) {
  // A bad URL gets here before any hook.
  reply.header('cache-control', 'no-store')
  if (told.retryAfter !== undefined) reply.header('retry-after', told.retryAfter)
  if (told.status === 401) reply.header('www-authenticate', bearerChallenge(told, request))
  return reply.code(told.status).type('application/problem+json').serializer(JSON.stringify).send(told)
}

function toProblem (error: FastifyError | Refusal, instance: string): Problem {
  if (error instanceof Refusal) return problem(error.slug, instance, error.facts)
  if (hasZodFastifySchemaValidationErrors(error)) return problem('invalid-request', instance, { errors: fieldErrors(error.validation) })
  if (error.statusCode === 413) return problem('payload-too-large', instance)
  if (error.statusCode === 415) return problem('unsupported-media-type', instance)
  if (error.statusCode === 408) return problem('request-timeout', instance)
  // What Fastify itself refuses with a 4xx is about the form of the request; its messages may quote it, so they stay here.
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return problem('invalid-request', instance, { detail: malformed[error.code] ?? 'The request body is not valid JSON.' })
  }
  return problem('internal-error', instance)
}

const malformed: Record<string, string> = {
  FST_ERR_BAD_URL: 'The URL is not a valid one.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The request body is empty; a JSON object is expected.',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The request body is not as long as Content-Length says.'
}

function fieldErrors (validation: readonly { instancePath: string, keyword: string, message?: string | undefined, params: Record<string, unknown> }[]) {
  return validation.flatMap(({ instancePath, keyword, message = 'is not valid', params }) => {
    const pointer = instancePath === '/' ? '#' : `#${instancePath}`
    const unknown = keyword === 'unrecognized_keys' && Array.isArray(params['keys']) ? params['keys'] : undefined
    return unknown?.map(key => ({ pointer: `${pointer}/${escapePointer(String(key))}`, detail: 'is not a field of this request' })) ?? [{ pointer, detail: message }]
  })
}

// RFC 6901 §3. An unknown key is the caller's own text: no more of it than is needed to recognise it.
const escapePointer = (key: string) => key.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')

// RFC 9110 §11.6.1 asks for a challenge with every 401, RFC 6750 §3.1 for no error where no Bearer token was sent.
const bearerChallenge = ({ type }: Problem, { headers }: FastifyRequest) =>
  type.endsWith('/invalid-token') && /^bearer\b/i.test(headers.authorization ?? '') ? 'Bearer realm="sms-login", error="invalid_token"' : 'Bearer realm="sms-login"'
