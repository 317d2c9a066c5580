import { createHash } from 'node:crypto'

/**
 * A name for each statement, by its text: under a name PostgreSQL keeps it read and planned for the connection, and is not sent
 * the text again. There are only so many texts, as values are never part of them.
 */
export function statementNames (): (query: { sql: string }) => string {
  const names = new Map<string, string>()
  return ({ sql }) => {
    const known = names.get(sql)
    if (known !== undefined) return known
    const name = createHash('sha256').update(sql).digest('base64url').slice(0, 22)
    names.set(sql, name)
    return name
  }
}
