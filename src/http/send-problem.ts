import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Refusal } from '../domain/refusal.ts'
import { methodsAt } from './methods-at.ts'
import { problem, type Problem } from './problem.ts'

/** Fastify's error handler: tells the caller what it may know, and the log what the operator must. */
export function sendProblem (error: FastifyError | Refusal, request: FastifyRequest, reply: FastifyReply) {
  const told = toProblem(error, request.id)
  if (told.status === 500) request.log.error({ err: error }, 'request failed')
  else if (error.cause !== undefined) request.log.error({ err: error.cause }, 'request refused, and failed')
  return send(told, request, reply)
}

/** Fastify's handler for paths and methods that don't exist. RFC 9110 §15.5.6 wants the methods told that do. */
export function sendNotFound (request: FastifyRequest, reply: FastifyReply) {
  const methods = methodsAt(request.server, request.url)
  if (methods.length === 0) return send(problem('not-found', request.id), request, reply)
  return send(problem('method-not-allowed', request.id), request, reply.header('allow', methods.join(', ')))
}

/** Refuses a request for its form. */
export const sendInvalid = (request: FastifyRequest, reply: FastifyReply, detail: string) => send(problem('invalid-request', request.id, { detail }), request, reply)

function send (told: Problem, request: FastifyRequest, reply: FastifyReply) {
  // Whatever the route said of its answer.
  reply.header('cache-control', 'no-store')
  if (told.retryAfter !== undefined) reply.header('retry-after', told.retryAfter)
  if (told.status === 401) reply.header('www-authenticate', bearerChallenge(told, request))
  return reply.code(told.status).type('application/problem+json').serializer(JSON.stringify).send(told)
}

function toProblem (error: FastifyError | Refusal, instance: string): Problem {
  if (error instanceof Refusal) {
    const { errors, ...facts } = error.facts
    return problem(error.slug, instance, { ...facts, ...errors && { errors: errors.slice(0, 20).map(({ path, detail }) => ({ pointer: `#/${path.map(escapePointer).join('/')}`, detail })) } })
  }
  if (hasZodFastifySchemaValidationErrors(error)) return problem('invalid-request', instance, { errors: fieldErrors(error.validation) })
  // A parameter that no id is as long as.
  if (error.code === 'FST_ERR_MAX_PARAM_LENGTH') return problem('not-found', instance)
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
  BODY_NOT_UTF8: 'The request body is not valid UTF-8.',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'The request body is not as long as Content-Length says.'
}

/** The first twenty; a body of 16 KiB has room for thousands. */
function fieldErrors (validation: readonly { instancePath: string, keyword: string, message?: string | undefined, params: Record<string, unknown> }[]) {
  return validation.flatMap(({ instancePath, keyword, message = 'is not valid', params }) => {
    // Where keys are the caller's to choose, they are in the path: no more of them than is needed to recognise them.
    const pointer = instancePath === '/' ? '#' : `#${instancePath.slice(0, 128)}`
    const unknown = keyword === 'unrecognized_keys' && Array.isArray(params['keys']) ? params['keys'] : undefined
    return unknown?.map(key => ({ pointer: `${pointer}/${escapePointer(String(key))}`, detail: 'is not a field of this request' })) ?? [{ pointer, detail: message }]
  }).slice(0, 20)
}

// RFC 6901 §3. An unknown key is the caller's own text: no more of it than is needed to recognise it.
const escapePointer = (key: string) => key.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')

// RFC 9110 §11.6.1 asks for a challenge with every 401, RFC 6750 §3.1 for no error where no Bearer token was sent, RFC 9470 §3
// for what a login has to be like where a token is good but its login isn't.
function bearerChallenge ({ type, maxAge }: Problem, { headers }: FastifyRequest) {
  const scheme = 'Bearer realm="sms-login"'
  if (maxAge !== undefined) return `${scheme}, error="insufficient_user_authentication", error_description="A more recent login is required", max_age="${maxAge}"`
  return type.endsWith('/invalid-token') && /^bearer\b/i.test(headers.authorization ?? '') ? `${scheme}, error="invalid_token"` : scheme
}
