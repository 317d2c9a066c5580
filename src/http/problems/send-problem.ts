import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { Refusal, refusalReasons } from '../../domain/refusal.ts'
import { limitHint } from './limit-variables.ts'
import { allowedMethods } from '../requests/allowed-methods.ts'
import { problemKinds, type ProblemKind } from './problem-kinds.ts'
import { mostErrors, problem, type Problem } from './problem.ts'

/** Sends the problem for an error, and logs what the operator needs but the caller must not see. */
export function sendProblem(
  error: FastifyError | Refusal,
  request: FastifyRequest,
  reply: FastifyReply,
  { production = true } = {}
) {
  const body = toProblem(error, request.id, production)
  if (body.status === 500) request.log.error({ err: error }, 'request failed')
  else if (error.cause !== undefined)
    request.log.error({ err: error.cause }, 'request refused, and its cleanup failed')
  return send(body, request, reply)
}

/**
 * Fastify's handler for paths and methods that don't exist. A 405 lists the supported methods in
 * `Allow` (RFC 9110 §15.5.6).
 */
export function sendNotFound(request: FastifyRequest, reply: FastifyReply) {
  const methods = allowedMethods(request.server, request.url)
  if (methods.length === 0) return send(problem('not-found', request.id), request, reply)
  return send(
    problem('method-not-allowed', request.id),
    request,
    reply.header('allow', methods.join(', '))
  )
}

/** Sends `invalid-request` with this detail. */
export const sendInvalid = (request: FastifyRequest, reply: FastifyReply, detail: string) =>
  send(problem('invalid-request', request.id, { detail }), request, reply)

function send(body: Problem, request: FastifyRequest, reply: FastifyReply) {
  // Overrides a header that the route set before it failed.
  reply.header('cache-control', 'no-store')
  if (body.retryAfter !== undefined) reply.header('retry-after', body.retryAfter)
  if (body.status === 401) reply.header('www-authenticate', bearerChallenge(body, request))
  return reply
    .code(body.status)
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send(body)
}

function toProblem(error: FastifyError | Refusal, instance: string, production: boolean): Problem {
  if (error instanceof Refusal) return refusalProblem(error, instance, production)
  if (hasZodFastifySchemaValidationErrors(error))
    return problem('invalid-request', instance, { errors: fieldErrors(error.validation) })
  // No id is that long, and no path contains malformed percent-encoding.
  if (error.code === 'FST_ERR_MAX_PARAM_LENGTH' || error.code === 'FST_ERR_BAD_URL')
    return problem('not-found', instance)
  if (error.statusCode === 413) return problem('payload-too-large', instance)
  if (error.statusCode === 415) return problem('unsupported-media-type', instance)
  if (error.statusCode === 408) return problem('request-timeout', instance)
  // The other 4xx errors of Fastify concern the form of the request. Its messages may quote the
  // request, so they are not sent.
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return problem('invalid-request', instance, {
      detail: malformed[error.code] ?? 'The request body is not valid JSON.'
    })
  }
  return problem('internal-error', instance)
}

function refusalProblem(refusal: Refusal, instance: string, production: boolean): Problem {
  const { errors, limit: _limit, reason, ...facts } = refusal.facts
  const attempts = refusalReasons['too-many-attempts'].find(one => one === reason)
  const pointers = errors
    ?.slice(0, mostErrors)
    .map(({ path, detail }) => ({ pointer: toPointer(path), detail }))
  const body = problem(refusal.slug, instance, {
    ...facts,
    detail: detailOf(refusal),
    ...(pointers && { errors: pointers }),
    ...(attempts && { reason: attempts })
  })
  const hint = production ? undefined : limitHint(refusal)
  return hint === undefined ? body : { ...body, detail: `${body.detail} ${hint}` }
}

/** What happened in this case and what to do, or in general if `cases` has no text for it. */
function detailOf({ slug, facts: { reason, retryAfter } }: Refusal): string {
  const { meaning, remedy, cases }: ProblemKind = problemKinds[slug]
  const detail = reason === undefined ? undefined : cases?.[reason]
  return detail?.replace('{retryAfter}', String(retryAfter)) ?? `${meaning} ${remedy}`
}

const malformed: Record<string, string> = {
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The request body is empty. A JSON object is expected.',
  BODY_NOT_UTF8: 'The request body is not valid UTF-8.',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH:
    'The length of the request body does not match Content-Length.'
}

function fieldErrors(
  validation: readonly {
    instancePath: string
    keyword: string
    message?: string | undefined
    params: Record<string, unknown>
  }[]
) {
  return validation
    .flatMap(({ instancePath, keyword, message = 'is invalid', params }) => {
      // In a record, the path contains keys that the caller chose. They are shortened.
      const pointer = instancePath === '/' ? '#' : `#${instancePath.slice(0, 128)}`
      const unknown =
        keyword === 'unrecognized_keys' && Array.isArray(params['keys'])
          ? params['keys']
          : undefined
      return (
        unknown?.map(key => ({
          pointer: `${pointer}/${escapePointer(String(key))}`,
          detail: 'is not a field of this request'
        })) ?? [{ pointer, detail: message }]
      )
    })
    .slice(0, mostErrors)
}

const toPointer = (path: readonly string[]) => ['#', ...path.map(escapePointer)].join('/')

// RFC 6901 §3. An unknown key is arbitrary text from the caller, so it is shortened.
const escapePointer = (key: string) => key.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1')

// Every 401 has a challenge (RFC 9110 §11.6.1). It has no error code when no Bearer token was sent
// (RFC 6750 §3.1). For a valid token whose login is too old, it states the maximum age
// (RFC 9470 §3).
function bearerChallenge({ type, maxAge }: Problem, { headers }: FastifyRequest) {
  const scheme = 'Bearer realm="sms-login"'
  if (maxAge !== undefined)
    return [
      scheme,
      'error="insufficient_user_authentication"',
      'error_description="A more recent login is required"',
      `max_age="${maxAge}"`
    ].join(', ')
  return type.endsWith('/invalid-token') && /^bearer\b/i.test(headers.authorization ?? '')
    ? `${scheme}, error="invalid_token"`
    : scheme
}
