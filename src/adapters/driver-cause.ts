/** What the driver itself said: in the cause of its error, or deep in what Prisma's client makes of that. */
export function driverCause (error: unknown): Record<string, unknown> {
  const { cause, meta } = fields(error)
  const inner = fields(fields(meta)['driverAdapterError'])['cause']
  return fields(inner ?? cause)
}

/** The fields of whatever was thrown; none of what has none. */
export const fields = (value: unknown): Record<string, unknown> => typeof value === 'object' && value !== null ? { ...value } : {}
