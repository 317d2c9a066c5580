import { createHash } from 'node:crypto'

/**
 * Names each statement by a hash of its SQL. PostgreSQL parses and plans a named statement once per
 * connection. The map stays small, because the SQL never contains values.
 */
export function createPreparedStatementNames(): (query: { sql: string }) => string {
  const names = new Map<string, string>()
  return ({ sql }) => {
    const known = names.get(sql)
    if (known !== undefined) return known
    const name = createHash('sha256').update(sql).digest('base64url').slice(0, 22)
    names.set(sql, name)
    return name
  }
}
