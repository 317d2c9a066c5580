import { isIP } from 'node:net'
import { isSupportedCountry } from 'libphonenumber-js/max'
import type { LimitSubject } from '../domain/admin/shared-limits.ts'
import { networksOf } from '../http/requests/request-context.ts'
import { fail, misuse, oneLine } from './fail.ts'

/**
 * Whose limits `country GB`, `ip 203.0.113.9` or `total` means, and its name. Ends the command with
 * one line for anything else.
 */
export function limitSubject(
  kind: string,
  value: string | undefined
): LimitSubject & { title: string } {
  if (kind === 'total' && value === undefined) return { kind, title: kind }
  if (value === undefined || (kind !== 'country' && kind !== 'ip'))
    return misuse('Name country GB, ip 203.0.113.9 (with your values) or total.')
  if (kind === 'ip') {
    if (isIP(value) === 0 || value.includes('%'))
      return fail(`${oneLine(value)} is not an IP address like 203.0.113.9 or 2001:db8::1.`)
    return { kind, ...networksOf(value), title: `ip ${value}` }
  }
  const country = value.toUpperCase()
  if (!isSupportedCountry(country))
    return fail(`${oneLine(value)} is not a country code (ISO 3166-1) like GB.`)
  return { kind, country, title: `country ${country}` }
}
