/**
 * Parses a message as "Origin-bound one-time codes delivered via SMS" (WICG) defines it under
 * "Parsing". Returns null where the specification returns failure. `rest` is the part that the
 * specification ignores.
 */
export function parseOriginBoundCode(
  message: string
): { origin: string; code: string; embedded: string | null; rest: string } | null {
  const line = { text: lastLine(message), position: 0 }
  const host = markedToken(line, '@')
  if (host === null) return null
  if (line.text[line.position] !== ' ') return null
  line.position++
  const code = markedToken(line, '#')
  if (code === null) return null
  let embedded: string | null = null
  let end = line.position
  if (line.text[line.position] === ' ') {
    line.position++
    embedded = markedToken(line, '@')
    if (embedded !== null) end = line.position
  }
  return {
    origin: `https://${host}`,
    code,
    embedded: embedded === null ? null : `https://${embedded}`,
    rest: line.text.slice(end)
  }
}

/** Newlines normalised as the Infra Standard says: CRLF and CR are LF. */
const lastLine = (text: string) =>
  text.replaceAll('\r\n', '\n').replaceAll('\r', '\n').split('\n').at(-1) ?? ''

function markedToken(line: { text: string; position: number }, marker: string): string | null {
  if (line.text[line.position] !== marker) return null
  const start = ++line.position
  while (line.position < line.text.length && !/[\t\n\f\r ]/.test(line.text.charAt(line.position)))
    line.position++
  return line.position === start ? null : line.text.slice(start, line.position)
}
