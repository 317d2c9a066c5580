import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { keepKey, localFolder, localKeyFile, localSigningKey, newKeys } from './adapters/local-keys.ts'
import { loadConfig, type Config } from './config.ts'
import { receiptLifetime } from './http/receipts.ts'
import { signingKey } from './http/signing-key.ts'
import { refuse } from './refuse.ts'
import { jwksMaxAge } from './routes/jwks.ts'

// `npm run keys`: makes the keys of access tokens and receipts, and tells how to change them.

const usage = `Usage: npm run keys -- <command>

  new [EC|Ed25519|RSA] [<file>]  make a private key in a new file, and tell how to change to it
  list                           show the keys of this configuration, and what to do next
`

/** What is printed when it is done; undefined for wrong usage. */
type Command = (...operands: string[]) => Promise<string | undefined>

const commands: Record<string, Command> = {
  async new (wanted = 'EC', file, ...rest) {
    const kind = Object.entries(newKeys).find(([name]) => name.toLowerCase() === wanted.toLowerCase())
    if (kind === undefined || file?.startsWith('-') || rest.length > 0) return undefined
    const [, make] = kind
    const config = loadConfig()
    const current = await currentKeys(config)
    const key = make()
    const { algorithm, kid } = await signingKey(key)
    const path = file ?? join(localFolder, `jwt-private-key-${kid.slice(0, 8)}.pem`)
    if (/[,'\n]|^\s|\s$/.test(path)) refuse("JWT_PRIVATE_KEY can't name a file with a comma, a quote or a line end, or with spaces around it.")
    if (!keepKey(path, key)) refuse(`${path} is there already, and stays as it is.`)
    return `Made ${path}: ${algorithm}, kid ${kid}.\nWhoever has it can sign tokens: let only the servers read it.\n\n${wayTo(path, algorithm, current, config)}`
  },

  async list (...operands) {
    if (operands.length > 0) return undefined
    const config = loadConfig()
    const current = await currentKeys(config)
    if (current.length === 0 && config.production) refuse('JWT_PRIVATE_KEY must be set when NODE_ENV is production')
    if (current.length === 0) return `There is no key yet: the first start makes ${localKeyFile(localFolder)}.`
    const rows = current.map(({ algorithm, kid, file }, n) => [n === 0 ? 'signs    ' : 'published', algorithm, kid, file ?? 'in JWT_PRIVATE_KEY'].join('  '))
    return rows.join('\n') + (rows.length > 1 ? `\n\n${nextStep(config)}` : '')
  }
}

type CurrentKey = { algorithm: string, kid: string, file: string | undefined }

/** The keys a server of this configuration has, in its order. Makes none. */
async function currentKeys ({ production, signingKeys, signingKeyFiles }: Config): Promise<CurrentKey[]> {
  const localFile = localKeyFile(localFolder)
  if (signingKeys === undefined && (production || !existsSync(localFile))) return []
  const keys = signingKeys ?? [localSigningKey(localFolder)]
  const files = signingKeyFiles ?? [localFile]
  return Promise.all(keys.map(async (key, n) => ({ ...await signingKey(key), file: files[n] })))
}

/** How to change from the current keys to the one in `path` so that no service ever meets a token it can't check. */
function wayTo (path: string, algorithm: string, current: CurrentKey[], config: Config) {
  if (current.length === 0) return `Nothing signs yet. On all servers: ${setting([path])}`
  const files = [...new Set(current.flatMap(({ file }) => file ?? []))]
  const inline = files.length === 0
  const allowed = [...new Set(current.map(key => key.algorithm))]
  const allow = allowed.includes(algorithm) ? '' : `First have all services that check tokens allow ${algorithm} beside ${allowed.join(' and ')}.\n`
  return `${allow}To change to it without anybody noticing, set JWT_PRIVATE_KEY, each time on all servers before you go on:

1. Publish it: ${inline ? `append the text of ${path} to JWT_PRIVATE_KEY (where that is one line, with \\n for each line end).` : setting([...files, path])}
   Wait ${jwksMaxAge} seconds from the last server's restart: other services may go by the keys they have for that long.
2. Sign with it: ${inline ? 'move that text from the end to the beginning.' : setting([path, ...files])}
   Wait ${outlives(config)} seconds from the last server's restart: access tokens (ACCESS_TOKEN_TTL) and receipts of the old key may live that long.
3. Retire the old: ${inline ? `leave nothing but that text, or name its file: ${setting([path])}` : `${setting([path])}\n   Then delete ${files.join(' and ')}.`}`
}

/** Seconds that what a key has signed may live after its last signature. */
const outlives = ({ accessTokenTtl }: Config) => Math.max(accessTokenTtl, receiptLifetime)

const nextStep = (config: Config) => `Is the last one new? When all servers have published it for ${jwksMaxAge} seconds, put it first.
Is the first one new? When all servers have signed with it for ${outlives(config)} seconds, drop the others.`

/** As a shell and a .env file take it. */
function setting (files: string[]) {
  const value = files.map(file => `file:${file}`).join(',')
  return `JWT_PRIVATE_KEY=${/^[\w./:,@+-]+$/.test(value) ? value : `'${value}'`}`
}

/** Runs one command. Resolves to the exit code: 0 done, 1 refused with one line on standard error, 2 wrong usage. */
async function main ([name = '', ...operands]: string[]): Promise<number> {
  try {
    const done = Object.hasOwn(commands, name) ? await commands[name]?.(...operands) : undefined
    if (done === undefined) process.stderr.write(usage)
    else console.log(done)
    return done === undefined ? 2 : 0
  } catch (error) {
    console.error(`keys: ${error instanceof Error ? error.message : error}`)
    return 1
  }
}

process.exitCode = await main(process.argv.slice(2))
