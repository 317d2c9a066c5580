import { Refusal } from '../refusal.ts'

/**
 * Checks a number as a person writes it. Resolves to its canonical E.164 form, or to the reason why
 * it can't be a user's number. `invalid` has a phrase about the field, such as "must be …".
 * `undeliverable` means that it is not a personal line, or not in an allowed country.
 */
export type CheckPhone = (text: string) => { phone: string } | InvalidPhone

type InvalidPhone = { error: 'invalid'; detail: string } | { error: 'undeliverable' }

/**
 * The number in canonical E.164. Throws `invalid-request`, which names the field `phone`, and
 * `sms-undeliverable`.
 */
export function requirePhone(checkPhone: CheckPhone, text: string): string {
  const checked = checkPhone(text)
  if ('phone' in checked) return checked.phone
  throw checked.error === 'invalid'
    ? new Refusal('invalid-request', { errors: [{ path: ['phone'], detail: checked.detail }] })
    : new Refusal('sms-undeliverable')
}
