import t from 'tap'
import { whyNotPhone } from '../../src/adapters/libphonenumber-phones.ts'

t.test('lines that a person has are accepted', async t => {
  for (const phone of ['+12025550106', '+14165550123', '+447400123456', '+4915123456789', '+442079460958', '+15005550006']) {
    t.equal(whyNotPhone(phone, '*'), undefined, phone)
    t.equal(whyNotPhone(phone, undefined), undefined, phone)
  }
})

t.test('what is no number, or not one in E.164 form, is refused and not repeated', async t => {
  for (const phone of ['', '12025550106', '+1 202 555 0106', '0012025550106', '+1202555010', '+120255501067', '+00000000', '+1202555010６', '+12025550106;ext=1', '+99912345678']) {
    t.equal(whyNotPhone(phone, '*'), 'The phone must be a valid number in E.164 form, like +14155550100.', phone)
  }
})

t.test('lines whose callers pay, and those that no person has, are refused with their kind', async t => {
  const kinds = {
    'premium rate': '+19002345678',
    'toll free': '+18002345678',
    'shared cost': '+33820123456',
    'personal number': '+447012345678',
    voip: '+445612345678',
    pager: '+447640123456',
    uan: '+445512345678',
    voicemail: '+41860791234567'
  }
  for (const [kind, phone] of Object.entries(kinds)) t.match(whyNotPhone(phone, '*'), new RegExp(`this one is of the kind ${kind}\\.`), phone)
})

t.test('a country that is not on the list is refused, also one that shares its calling code', async t => {
  t.equal(whyNotPhone('+14165550123', ['US', 'CA']), undefined)
  t.match(whyNotPhone('+14165550123', ['US']), /SMS_COUNTRIES does not list \(CA\)/)
  t.match(whyNotPhone('+18765550123', ['US', 'CA']), /\(JM\)/)
})
