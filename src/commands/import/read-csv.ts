import { Readable } from 'node:stream'
import { CsvError, parse } from 'csv-parse'
import { fail } from '../fail.ts'
import { fieldNames, maxRowBytes, type Row } from './row.ts'

/**
 * Reads CSV (RFC 4180) with a header whose columns are `columns`, in any order. Empty cells are
 * absent. Throws an Error of one line for other columns and for a row that never ends.
 */
export async function* readCsv(
  input: AsyncIterable<Buffer>,
  columns: readonly string[] = fieldNames
): AsyncGenerator<Row> {
  const skipped: Row[] = []
  const parser = parse({
    bom: true,
    columns: (header: string[]) => checkHeader(header, columns),
    info: true,
    max_record_size: maxRowBytes,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: error => {
      if (error !== undefined) skipped.push({ where: lineOf(error), error: reasonOf(error) })
      return undefined
    }
  })
  const source = Readable.from(input).on('error', error => parser.destroy(error))
  try {
    for await (const { record, info } of source.pipe(parser)) {
      yield* skipped.splice(0)
      yield { where: `line ${info.lines}`, ...toFields(record) }
    }
  } catch (error) {
    if (error instanceof CsvError)
      fail(`The CSV can't be read: ${lineOf(error)} ${reasonOf(error)}.`)
    throw error
  }
  yield* skipped
}

function checkHeader(header: string[], columns: readonly string[]): string[] {
  const unknown = header.find(name => !columns.includes(name))
  if (unknown !== undefined)
    fail(`The CSV has a column named "${unknown.slice(0, 64)}". Columns are ${columns.join(', ')}.`)
  const twice = header.find((name, index) => header.indexOf(name) !== index)
  if (twice !== undefined) fail(`The CSV has two columns named "${twice}".`)
  return header
}

function toFields(
  record: Record<string, string>
): { fields: Record<string, unknown> } | { error: string } {
  const cells = Object.entries(record).filter(([, cell]) => cell !== '')
  // The parser decodes bytes that are not UTF-8 to U+FFFD.
  const damaged = cells.find(([, cell]) => cell.includes('\ufffd'))
  if (damaged !== undefined) return { error: `has a ${damaged[0]} that is not valid UTF-8` }
  return { fields: Object.fromEntries(cells.map(([name, cell]) => [name, toValue(name, cell)])) }
}

/** A cell as JSON has it. Text that has no such form is rejected with the other invalid values. */
function toValue(name: string, cell: string): unknown {
  if (name === 'disabled') return { true: true, false: false, 1: true, 0: false }[cell] ?? cell
  if (name !== 'claims') return cell
  try {
    return JSON.parse(cell)
  } catch {
    return cell
  }
}

const lineOf = ({ lines }: CsvError & { lines?: number }) => `line ${lines ?? '?'}`

// The messages of the parser quote the row, which may contain a password.
const reasons: Record<string, string> = {
  CSV_QUOTE_NOT_CLOSED: 'has a quote that is never closed',
  CSV_INVALID_CLOSING_QUOTE: 'has text after a closing quote',
  INVALID_OPENING_QUOTE: 'has a quote inside an unquoted cell',
  CSV_MAX_RECORD_SIZE: `is longer than ${maxRowBytes} bytes`,
  CSV_RECORD_INCONSISTENT_COLUMNS: 'has another number of cells than the header',
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: 'has another number of cells than the header'
}

const reasonOf = ({ code }: CsvError) => reasons[code] ?? 'is not valid CSV'
