/** The fields of a row, as in `POST /users` of the admin API. */
export const fieldNames = [
  'username',
  'password',
  'passwordHash',
  'phone',
  'locale',
  'claims',
  'disabled'
] as const

/**
 * A row of an imported file. `where` names it for the operator, for example "line 7". `error` says
 * why the row can't be read.
 */
export type Row = { where: string } & ({ fields: Record<string, unknown> } | { error: string })

/** The maximum size of a row, in bytes, so that a file that is no such list takes no memory. */
export const maxRowBytes = 65_536
