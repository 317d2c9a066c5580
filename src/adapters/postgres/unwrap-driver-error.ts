/**
 * The driver's own error fields, from its error or from the one that Prisma's client wraps it in.
 */
export function unwrapDriverError(error: unknown): Record<string, unknown> {
  const { cause, meta } = fields(error)
  const inner = fields(fields(meta)['driverAdapterError'])['cause']
  return fields(inner ?? cause)
}

/** The fields of an unknown value. Empty unless it is an object. */
export const fields = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {}
