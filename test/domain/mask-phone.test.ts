import { getCountries, getCountryCallingCode } from 'libphonenumber-js/max'
import t from 'tap'
import { maskPhone } from '../../src/domain/users/mask-phone.ts'

// The listed codes belong to no country: satellite, international toll-free and similar numbers.
const callingCodes = new Set([
  ...getCountries().map(country => getCountryCallingCode(country)),
  '800',
  '808',
  '870',
  '878',
  '881',
  '882',
  '883',
  '888',
  '979'
])

t.test('a masked number shows only its calling code and last two digits', async t => {
  t.ok(callingCodes.size > 200)
  for (const code of callingCodes) {
    // With every digit after the code, which could be mistaken for part of a longer code.
    for (let digit = 0; digit <= 9; digit++) {
      const masked = maskPhone(`+${code}${digit}5556742`)
      if (masked !== `+${code}•••••••42`) t.fail(`+${code}${digit}: ${masked}`)
    }
  }
  t.same(new Set([...callingCodes].map(code => code.length)), new Set([1, 2, 3]))
})

t.test('the mask does not reveal the length of the number', async t => {
  t.equal(maskPhone('+12025550143'), '+1•••••••43')
  t.equal(maskPhone('+29012345'), '+290•••••••45')
  t.equal(maskPhone('+491715550143'), maskPhone('+4930143'))
  t.equal(maskPhone('+35812345678901234'), maskPhone('+358501234'))
})
