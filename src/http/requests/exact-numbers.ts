import { inexactNumber } from '../../domain/inexact-number.ts'
import { Refusal } from '../../domain/refusal.ts'

/**
 * Rejects JSON with a number that a double can't represent, and names the field of the first one.
 * The service would sign a different number from the one that was sent. Throws `invalid-request`.
 */
export function refuseInexactNumbers(json: string) {
  const path = inexactNumber(json)
  if (path === undefined) return
  const detail = 'is a number that JSON parsers round; send it as a string'
  throw new Refusal('invalid-request', { errors: [{ path, detail }] })
}
