/** The sentence that carries a login code: code first, so that it shows in a notification; plain GSM-7, one segment. */
export const loginText = (brand: string, code: string, lifetime: number) =>
  `${code} is your ${brand} login code. It is good for ${spell(lifetime)}. Don't share it: we will never ask you for it.`

const spell = (seconds: number) =>
  seconds % 60 === 0 ? plural(seconds / 60, 'minute') : plural(seconds, 'second')

const plural = (count: number, unit: string) => `${count} ${unit}${count === 1 ? '' : 's'}`
