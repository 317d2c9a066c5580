import { open } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { isSupportedCountry } from 'libphonenumber-js/max'
import { createPasswords } from '../../adapters/secrets/passwords.ts'
import { createCommonPasswords } from '../../adapters/secrets/zxcvbn-common-passwords.ts'
import { usernameKey } from '../../domain/login/username.ts'
import { fail, misuse } from '../fail.ts'
import type { Command } from '../command.ts'
import { importUsers } from './import-users.ts'
import { readCsv } from './read-csv.ts'
import { readDjango } from './read-django.ts'
import { readNdjson } from './read-ndjson.ts'

/** Adds the users of a file, with the password hashes of another system. */
export const importCommand: Command = {
  operands: ['file'],
  options: {
    format: { type: 'string' },
    'default-country': { type: 'string' },
    phones: { type: 'string' },
    'dry-run': { type: 'boolean' }
  },
  async prepare({ config, options }, file = '') {
    const format = formatOf(file, options['format'])
    const dryRun = options['dry-run'] === true
    const defaultCountry = countryOption(options['default-country'])
    if (options['phones'] !== undefined && format !== 'django')
      misuse('--phones is for the format django. The other formats have a field for the phone.')
    const phones = await readPhones(options['phones'])
    const input = await openInput(file)
    const rows =
      format === 'csv'
        ? readCsv(input)
        : format === 'django'
          ? readDjango(input, phones)
          : readNdjson(input)

    return async ({ users, events, print }) => {
      // By default the heap may grow fourfold between full collections, mostly by old batches.
      setFlagsFromString('--heap-growing-percent=10')
      const { added, existing, rejected } = await importUsers(users, rows, {
        countries: config.countries,
        defaultCountry,
        weaknessOf: createCommonPasswords(),
        dryRun,
        hash: createPasswords(config.argon2).hash,
        concurrency: config.argon2.concurrency,
        report: line => process.stderr.write(`${line}\n`),
        onProgress: count => {
          if (process.stderr.isTTY) process.stderr.write(`\r${count} rows\r`)
        }
      })
      if (!dryRun)
        events.record({
          name: 'users.imported',
          context: null,
          actor: 'operator',
          added,
          existing,
          rejected
        })
      const verb = dryRun ? 'Would add' : 'Added'
      await print(`${verb} ${added}, existing ${existing}, rejected ${rejected}.`)
      if (rejected > 0) fail(`${rejected} ${rejected === 1 ? 'row was' : 'rows were'} rejected.`)
      return undefined
    }
  }
}

const formats = ['ndjson', 'csv', 'django'] as const

function formatOf(file: string, option: unknown): (typeof formats)[number] {
  if (option === undefined) return file.toLowerCase().endsWith('.csv') ? 'csv' : 'ndjson'
  return (
    formats.find(format => format === option) ??
    misuse(`--format must be one of ${formats.join(', ')}.`)
  )
}

function countryOption(option: unknown): string | undefined {
  if (option === undefined) return undefined
  const country = String(option).toUpperCase()
  return isSupportedCountry(country)
    ? country
    : misuse('--default-country must be an ISO code of a country, like US.')
}

/** The numbers of a CSV with the columns username and phone, by username key. */
async function readPhones(file: unknown): Promise<Map<string, string>> {
  const phones = new Map<string, string>()
  if (file === undefined) return phones
  for await (const row of readCsv(await openInput(String(file)), ['username', 'phone'])) {
    if ('error' in row) fail(`--phones: ${row.where} ${row.error}.`)
    else {
      const { username, phone } = row.fields
      if (typeof username === 'string' && typeof phone === 'string')
        phones.set(usernameKey(username), phone)
    }
  }
  return phones
}

/** The bytes of a file, or of standard input for `-`. Throws an Error of one line. */
async function openInput(file: string): Promise<AsyncIterable<Buffer>> {
  if (file === '-') return process.stdin
  const handle = await open(file).catch((error: NodeJS.ErrnoException) =>
    fail(
      `${file} can't be read: ${error.code === 'ENOENT' ? 'there is no such file' : error.code}.`
    )
  )
  if ((await handle.stat()).isDirectory()) {
    await handle.close()
    fail(`${file} can't be read: it is a folder.`)
  }
  return handle.createReadStream()
}
