import { maxRowBytes, type Row } from './row.ts'

const newline = 0x0a

/** Reads one JSON object per line. Empty lines are ignored. Memory use is bounded. */
export async function* readNdjson(input: AsyncIterable<Buffer>): AsyncGenerator<Row> {
  let line = 0
  let rest: Buffer[] = []
  let size = 0
  for await (const chunk of input) {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      yield* toRow(++line, [...rest, chunk.subarray(start, end)], size + end - start)
      rest = []
      size = 0
      start = end + 1
    }
    size += chunk.length - start
    // The part of a line that is too long is dropped, so that memory use stays bounded.
    if (size <= maxRowBytes) rest.push(chunk.subarray(start))
    else rest = []
  }
  if (size > 0) yield* toRow(++line, rest, size)
}

function* toRow(line: number, parts: Buffer[], size: number): Generator<Row> {
  const where = `line ${line}`
  if (size > maxRowBytes) {
    yield { where, error: `is longer than ${maxRowBytes} bytes` }
    return
  }
  const text = decode(Buffer.concat(parts))
  if (text === undefined) yield { where, error: 'is not valid UTF-8' }
  else if (text.trim() !== '') yield { where, ...parseObject(text) }
}

/** Undefined if the bytes are not UTF-8. A byte order mark is dropped. */
function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** The object that a JSON text contains, or why there is none. */
export function parseObject(text: string): { fields: Record<string, unknown> } | { error: string } {
  try {
    const fields: unknown = JSON.parse(text)
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields))
      return { fields: { ...fields } }
  } catch {
    // The message of the parser would quote the text, which may contain a password.
  }
  return { error: 'is not a JSON object' }
}
