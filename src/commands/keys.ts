import { existsSync } from 'node:fs'
import { join } from 'node:path'
import {
  writeKeyFile,
  dataFolder,
  localKeyFile,
  localSigningKey,
  keyGenerators
} from '../adapters/secrets/local-keys.ts'
import { generateApiKey, hashApiKey } from '../domain/admin/api-keys.ts'
import { loadConfig, type Config } from '../config/config.ts'
import { jwksMaxAge, receiptLifetime } from '../domain/token-lifetimes.ts'
import { signingKey } from '../http/tokens/signing-key.ts'
import { print } from './print.ts'
import { fail } from './fail.ts'

// `npm run keys`: generates keys for access tokens, receipts and the admin API, and explains how to
// rotate them.

const usage = `Usage: npm run keys -- <command>

  new [EC|Ed25519|RSA] [<file>]  write a new private key to a file, and explain how to rotate to it
  new api                        print a new key for the admin API, and explain how to rotate to it
  list                           list the configured private keys, and explain what to do next
`

/** Measured with the JWT libraries of twenty languages and frameworks. */
const edDsaWarning =
  'Warning: many JWT libraries cannot verify EdDSA (8 of 20 tested). ' +
  'Unless you know that yours can, use EC (ES256), the default.'

/** Resolves to the output, or to undefined for wrong usage. */
type Command = (...operands: string[]) => Promise<string | undefined>

const commands: Record<string, Command> = {
  async new(kindName = 'EC', file, ...rest) {
    if (kindName.toLowerCase() === 'api') return file === undefined ? newApiKey() : undefined
    const kind = Object.entries(keyGenerators).find(
      ([name]) => name.toLowerCase() === kindName.toLowerCase()
    )
    if (kind === undefined || file?.startsWith('-') || rest.length > 0) return undefined
    const [, generate] = kind
    const config = loadConfig()
    const current = await currentKeys(config)
    const key = generate()
    const { algorithm, kid } = await signingKey(key)
    const path = file ?? join(dataFolder, `jwt-private-key-${kid.slice(0, 8)}.pem`)
    if (/[,'\n]|^\s|\s$/.test(path))
      fail(
        "JWT_PRIVATE_KEY can't name a file with a comma, a quote or a line end, " +
          'or with spaces around it.'
      )
    if (!writeKeyFile(path, key)) fail(`${path} already exists and was not changed.`)
    if (algorithm === 'EdDSA') process.stderr.write(`${edDsaWarning}\n`)
    return [
      `Made ${path}: ${algorithm}, kid ${kid}.`,
      'This key can sign tokens: only the servers may read it.',
      '',
      rotationSteps(path, algorithm, current, config)
    ].join('\n')
  },

  async list(...operands) {
    if (operands.length > 0) return undefined
    const config = loadConfig()
    const current = await currentKeys(config)
    if (current.length === 0 && config.production)
      fail('JWT_PRIVATE_KEY must be set when NODE_ENV is production')
    if (current.length === 0)
      return `There is no key yet: the first start generates ${localKeyFile(dataFolder)}.`
    const rows = current.map(({ algorithm, kid, file }, n) =>
      [n === 0 ? 'signs    ' : 'published', algorithm, kid, file ?? 'in JWT_PRIVATE_KEY'].join('  ')
    )
    return rows.join('\n') + (rows.length > 1 ? `\n\n${nextStep(config)}` : '')
  }
}

/** Generates an API key. Only its hash is ever stored. */
function newApiKey(): string {
  const { apiKeyHashes = [] } = loadConfig()
  const key = generateApiKey()
  const current = apiKeyHashes.map(hash => hash.toString('hex'))
  const hash = hashApiKey(key).toString('hex')
  const setting = (hashes: string[]) => `API_KEY_HASHES=${hashes.join(',')}`
  const rotation = [
    'To rotate to it without downtime, set API_KEY_HASHES. Finish each step on all servers:',
    '',
    `1. Accept it: ${setting([...current, hash])}`,
    '2. Give the key to your backend. All servers accept both keys.',
    `3. Retire the old: ${setting([hash])}`
  ]
  return [
    `API key: ${key}`,
    `SHA-256: ${hash}`,
    '',
    'The key can manage all users. It is shown this once: ' +
      'store it where only your backend reads it.',
    '',
    ...(current.length === 0 ? [`On all servers: ${setting([hash])}`] : rotation)
  ].join('\n')
}

type CurrentKey = { algorithm: string; kid: string; file: string | undefined }

/** The keys of a server with this configuration, in its order. Generates none. */
async function currentKeys({
  production,
  signingKeys,
  signingKeyFiles
}: Config): Promise<CurrentKey[]> {
  const localFile = localKeyFile(dataFolder)
  if (signingKeys === undefined && (production || !existsSync(localFile))) return []
  const keys = signingKeys ?? [localSigningKey(dataFolder)]
  const files = signingKeyFiles ?? [localFile]
  return Promise.all(keys.map(async (key, n) => ({ ...(await signingKey(key)), file: files[n] })))
}

/** How to rotate to the key in `path` so that no service receives a token that it can't verify. */
function rotationSteps(path: string, algorithm: string, current: CurrentKey[], config: Config) {
  if (current.length === 0) return `There is no signing key yet. On all servers: ${setting([path])}`
  const files = [...new Set(current.flatMap(({ file }) => file ?? []))]
  const allowed = [...new Set(current.map(key => key.algorithm))]
  const { publish, sign, retire } = files.length === 0 ? editInline(path) : editFiles(path, files)
  const prerequisite = allowed.includes(algorithm)
    ? []
    : [
        `First make all services that verify tokens accept ${algorithm} ` +
          `in addition to ${allowed.join(' and ')}.`
      ]
  return [
    ...prerequisite,
    'To rotate to it without downtime, set JWT_PRIVATE_KEY. Finish each step on all servers:',
    '',
    `1. Publish it: ${publish}`,
    `   Wait ${jwksMaxAge} seconds from the last server's restart: ` +
      'other services may cache the keys for that long.',
    `2. Sign with it: ${sign}`,
    `   Wait ${maxTokenLifetime(config)} seconds from the last server's restart: ` +
      'access tokens (ACCESS_TOKEN_TTL) and receipts of the old key may be valid for that long.',
    `3. Retire the old: ${retire}`
  ].join('\n')
}

/** The changes of JWT_PRIVATE_KEY when it contains the keys themselves. */
const editInline = (path: string) => ({
  publish:
    `append the text of ${path} to JWT_PRIVATE_KEY ` +
    '(if that is one line, with \\n for each line end).',
  sign: 'move that text from the end to the beginning.',
  retire: `leave only that text, or name its file: ${setting([path])}`
})

/** The changes of JWT_PRIVATE_KEY when it names files. */
const editFiles = (path: string, files: string[]) => ({
  publish: setting([...files, path]),
  sign: setting([path, ...files]),
  retire: `${setting([path])}\n   Then delete ${files.join(' and ')}.`
})

/** The longest lifetime of a token or receipt, in seconds. */
const maxTokenLifetime = ({ accessTokenTtl }: Config) => Math.max(accessTokenTtl, receiptLifetime)

const nextStep = (config: Config) =>
  [
    'Is the last one new? ' +
      `When all servers have published it for ${jwksMaxAge} seconds, put it first.`,
    'Is the first one new? ' +
      `When all servers have signed with it for ${maxTokenLifetime(config)} seconds, ` +
      'remove the others.'
  ].join('\n')

/** The assignment in the syntax that a shell and a .env file share. */
function setting(files: string[]) {
  const value = files.map(file => `file:${file}`).join(',')
  return `JWT_PRIVATE_KEY=${/^[\w./:,@+-]+$/.test(value) ? value : `'${value}'`}`
}

/** Runs one command. Resolves to the exit code: 0 done, 1 failed with one line, 2 wrong usage. */
async function main([name = '', ...operands]: string[]): Promise<number> {
  try {
    const output = Object.hasOwn(commands, name) ? await commands[name]?.(...operands) : undefined
    if (output === undefined) process.stderr.write(usage)
    else await print(output)
    return output === undefined ? 2 : 0
  } catch (error) {
    console.error(`keys: ${error instanceof Error ? error.message : error}`)
    return 1
  }
}

process.exitCode = await main(process.argv.slice(2))
