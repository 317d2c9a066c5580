import { inexactNumber } from '../inexact-number.ts'

/** A JSON value. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** The operator's claims about a user, which access tokens contain as they are. */
export type Claims = { readonly [name: string]: Json }

/** UTF-8 bytes of the claims as JSON. */
const maxBytes = 2048

/** Levels of objects and lists. The claims themselves are the first. */
const maxLevels = 8

/** The names that access tokens have. */
const own = new Set('iss sub aud exp iat jti client_id auth_time amr sid'.split(' '))

/**
 * Other registered names that change how a token is verified, or whom it is for. `scope` (RFC 9068
 * §2.2.3) is not among them, because it only says what the user may do, as `roles` does.
 */
const interpreted = new Set([
  'nbf', // RFC 7519 §4.1.5
  ...['acr', 'azp', 'nonce', 'at_hash', 'c_hash', 'sub_jwk'], // OpenID Connect Core
  ...['_claim_names', '_claim_sources'], // the same: claims of other issuers
  's_hash', // Financial-grade API
  'cnf', // RFC 7800: the key that the caller must have
  ...['act', 'may_act'], // RFC 8693: who acts for the user
  'events', // RFC 8417: makes a token look like a logout token
  ...['vot', 'vtm'], // RFC 8485: how the user was authenticated
  'sub_id', // RFC 9493: another name for the subject
  'token_introspection', // RFC 9701
  'typ' // not registered; some libraries read it in place of the header's
])

/** RFC 9068 §2.2.3.1, RFC 7643 §4.1.2. */
const lists = new Set(['roles', 'groups', 'entitlements'])

/** RFC 6749 §3.3. */
const scopePattern = /^[!#-[\]-~]+(?: [!#-[\]-~]+)*$/

/**
 * Why claims can't be set, as a sentence for the operator; undefined when they can. The claims must
 * survive JSON and PostgreSQL unchanged, and must not change what a token says about itself. With
 * `json`, the text that was parsed, this finds every number that parsing has rounded.
 */
export function claimsError(value: unknown, json = ''): string | undefined {
  if (!isObject(value)) return 'The claims must be a JSON object.'
  for (const [name, claim] of Object.entries(value)) {
    const problem = nameProblem(name) ?? valueProblem(claim, name, 2) ?? typeProblem(name, claim)
    if (problem !== undefined) return sentence(name, problem)
  }
  const [roundedIn] = inexactNumber(json) ?? []
  if (roundedIn !== undefined) return sentence(roundedIn, rounded)
  const bytes = Buffer.byteLength(JSON.stringify(value))
  return bytes > maxBytes
    ? `The claims must have at most ${maxBytes} bytes; these have ${bytes}.`
    : undefined
}

/** A name may have any length. */
const sentence = (name: string, problem: string) =>
  `The claim ${JSON.stringify(name.slice(0, 64))} ${problem}.`

/**
 * The claims of a stored value that an access token may contain. The database may have been edited
 * by hand, so claims with a reserved name or of the wrong type are omitted, and a value that is no
 * object has no claims.
 */
export const issuableClaims = (stored: unknown): Claims =>
  isObject(stored)
    ? // The column holds nothing but JSON.
      (Object.fromEntries(
        Object.entries(stored).filter(
          ([name, claim]) => (nameProblem(name) ?? typeProblem(name, claim)) === undefined
        )
      ) as Claims)
    : {}

function nameProblem(name: string): string | undefined {
  const folded = fold(name)
  if (own.has(folded)) return 'is reserved: access tokens have it already'
  if (interpreted.has(folded)) return 'is reserved: services that verify tokens interpret it'
  return name === '__proto__' ? 'is not allowed' : textProblem(name)
}

/** `key` leads to this value, and `level` is that of the value if it is an object or a list. */
function valueProblem(value: unknown, key: string, level: number): string | undefined {
  if (typeof value === 'string') return textProblem(value)
  if (typeof value === 'number') return numberProblem(value)
  if (typeof value === 'boolean' || value === null) return undefined
  if (!Array.isArray(value) && !isObject(value)) return 'is not JSON'
  if (level > maxLevels) return `is nested too deeply: claims may have ${maxLevels} levels`
  if (Array.isArray(value)) return firstProblem(value, one => valueProblem(one, '', level + 1))
  return firstProblem(
    Object.entries(value),
    ([inner, one]) => keyProblem(inner, key) ?? valueProblem(one, inner, level + 1)
  )
}

/** Keys that change a prototype where a service merges claims into an object. */
const keyProblem = (key: string, parent: string) =>
  key === '__proto__' || (parent === 'constructor' && key === 'prototype')
    ? `must not contain the key "${key}"`
    : textProblem(key)

// PostgreSQL's jsonb can store neither.
const textProblem = (text: string) =>
  text.isWellFormed() && !text.includes('\0') ? undefined : 'has text with a lone surrogate or NUL'

const rounded = 'has a number that JSON parsers round; write it as a string'

const numberProblem = (number: number) =>
  (Number.isInteger(number) ? Number.isSafeInteger(number) : Number.isFinite(number))
    ? undefined
    : rounded

function typeProblem(name: string, claim: unknown): string | undefined {
  const folded = fold(name)
  if (lists.has(folded))
    return Array.isArray(claim) && claim.every(one => typeof one === 'string')
      ? undefined
      : 'must be a list of strings'
  if (folded !== 'scope' || (typeof claim === 'string' && scopePattern.test(claim)))
    return undefined
  return 'must be a string of scopes with single spaces between them'
}

/**
 * Ignores case as Go's encoding/json does, which would fill the field of `sub` from a claim named
 * `SUB`. It also takes U+017F for s and U+212A for k.
 */
const fold = (name: string) => name.toUpperCase().toLowerCase()

function firstProblem<T>(values: T[], problemOf: (value: T) => string | undefined) {
  for (const value of values) {
    const problem = problemOf(value)
    if (problem !== undefined) return problem
  }
  return undefined
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)
