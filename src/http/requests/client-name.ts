import bowser from 'bowser'

/**
 * A short name for the client of this User-Agent that its user recognizes, for example "Firefox on
 * Linux" or "okhttp". Null when the header names no client. The name is at most 64 letters, digits,
 * spaces, dots, underscores and hyphens, whatever the header contains.
 */
export function clientName(userAgent: string | undefined): string | null {
  const [, product] = /^([A-Za-z0-9][A-Za-z0-9 ._-]{0,39})(?:[/(]|$)/.exec(userAgent ?? '') ?? []
  if (userAgent === undefined || product === undefined) return null
  // All browsers begin with Mozilla. Other clients begin with their own name.
  if (product !== 'Mozilla') return product.trim()
  const { browser, os } = bowser.parse(userAgent.slice(0, 512))
  return (
    [browser.name, os.name]
      .filter(Boolean)
      .join(' on ')
      .replaceAll(/[^A-Za-z0-9 ._-]/g, '')
      .slice(0, 64) || null
  )
}
