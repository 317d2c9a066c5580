import bowser from 'bowser'

/**
 * A short name for the program of that User-Agent, for its user to recognise: "Firefox on Linux", "okhttp". Null when it
 * doesn't tell. Whatever the header holds, the name is at most 64 letters, digits and marks.
 */
export function clientName (userAgent: string | undefined): string | null {
  const [, product] = /^([A-Za-z0-9][A-Za-z0-9 ._-]{0,39})(?:[/(]|$)/.exec(userAgent ?? '') ?? []
  if (userAgent === undefined || product === undefined) return null
  // Browsers all say that they are Mozilla, and more than that; other programs say who they are.
  if (product !== 'Mozilla') return product.trim()
  const { browser, os } = bowser.parse(userAgent.slice(0, 512))
  return [browser.name, os.name].filter(Boolean).join(' on ').replaceAll(/[^A-Za-z0-9 ._-]/g, '').slice(0, 64) || null
}
