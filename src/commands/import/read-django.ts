import { usernameKey } from '../../domain/login/username.ts'
import { parseObject } from './read-ndjson.ts'
import { maxRowBytes, type Row } from './row.ts'

const [quote, backslash, open, close] = [0x22, 0x5c, 0x7b, 0x7d]

/**
 * Reads the users in the output of `manage.py dumpdata auth.user`, a JSON array. Other models are
 * ignored. Users of other models with a username and a password are accepted, because Django lets
 * a project replace `auth.user`. `phones` are the numbers by username key, because Django has none.
 */
export async function* readDjango(
  input: AsyncIterable<Buffer>,
  phones: ReadonlyMap<string, string>
): AsyncGenerator<Row> {
  let count = 0
  for await (const bytes of objectsIn(input)) {
    const where = `object ${++count}`
    if (bytes === null) {
      yield { where, error: `is longer than ${maxRowBytes} bytes` }
      continue
    }
    const object = parseObject(bytes.toString('utf8'))
    if ('error' in object) yield { where, ...object }
    else yield* toRow(where, object.fields['fields'], phones)
  }
}

function* toRow(
  where: string,
  model: unknown,
  phones: ReadonlyMap<string, string>
): Generator<Row> {
  if (typeof model !== 'object' || model === null) return
  const { username, password, is_active: isActive }: Record<string, unknown> = { ...model }
  if (typeof username !== 'string' || typeof password !== 'string') return
  const phone = phones.get(usernameKey(username))
  yield {
    where,
    fields: {
      username,
      passwordHash: password,
      ...(phone !== undefined && { phone }),
      ...(isActive === false && { disabled: true })
    }
  }
}

/** The text of each object of a JSON array. Null for an object that is too long. */
async function* objectsIn(input: AsyncIterable<Buffer>): AsyncGenerator<Buffer | null> {
  let depth = 0
  let inString = false
  let escaped = false
  let parts: Buffer[] = []
  let size = 0
  const keep = (part: Buffer) => {
    size += part.length
    if (size <= maxRowBytes) parts.push(part)
    else parts = []
  }
  for await (const chunk of input) {
    let start = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]
      if (inString) {
        if (escaped) escaped = false
        else if (byte === backslash) escaped = true
        else if (byte === quote) inString = false
      } else if (byte === quote) inString = depth > 0
      else if (byte === open) {
        if (depth++ === 0) start = i
      } else if (byte === close && depth > 0 && --depth === 0) {
        keep(chunk.subarray(start, i + 1))
        yield size <= maxRowBytes ? Buffer.concat(parts) : null
        parts = []
        size = 0
      }
    }
    if (depth > 0) keep(chunk.subarray(start))
  }
  // A file that was cut off.
  if (depth > 0) yield size <= maxRowBytes ? Buffer.concat(parts) : null
}
