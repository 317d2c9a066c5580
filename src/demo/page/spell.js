/**
 * The visible end of a masked phone number: `ending in 06`.
 * @param {string} masked
 */
export const spellPhone = masked => `ending in ${/\d*$/.exec(masked)?.[0]}`

/**
 * Formats a time in the language of the page, not of the browser.
 * @param {string | number} time ISO 8601, or milliseconds
 */
export const spellTime = time =>
  new Date(time).toLocaleString(document.documentElement.lang, {
    dateStyle: 'medium',
    timeStyle: 'short'
  })

/**
 * Groups the digits of an amount and keeps its decimals: 1,250.00. Returns other text unchanged.
 * @param {string} amount
 */
export function spellAmount(amount) {
  const [, whole, decimals = ''] = /^(\d+)(\.\d+)?$/.exec(amount) ?? []
  if (whole === undefined) return amount
  return `${new Intl.NumberFormat(document.documentElement.lang).format(BigInt(whole))}${decimals}`
}
