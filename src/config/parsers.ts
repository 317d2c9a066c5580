import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { isSupportedCountry } from 'libphonenumber-js/max'
import { z } from 'zod'
import { readServerUrl } from '../adapters/postgres/server-url.ts'
import { isGuessable } from './guessable.ts'
import { parseJson } from './parse-json.ts'
import {
  parseTemplate,
  type ConfirmationTemplate
} from '../domain/confirmations/confirmation-template.ts'

// Parsers for the values of environment variables. No message repeats a value, which may be a
// secret.

/** A whole number in decimal digits, within these bounds. */
export function whole(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine(number => number >= min && number <= max, message)
}

export const onOrOff = () => z.enum(['on', 'off'], 'must be on or off')

/** The maximum of a rate limit. 0: no limit. */
export const limit = () => whole(0, 1_000_000)

/**
 * The accepted values of NODE_ENV. Any other value may be a misspelled `production`, which would
 * start a development server in public.
 */
const environments = [
  'production',
  'development',
  'dev',
  'test',
  'testing',
  'staging',
  'local',
  'ci'
] as const

/** One of the names above, in exactly this spelling. */
export const environmentName = () =>
  z.enum(environments, {
    error: ({ input }) =>
      `must be exactly production, or one of ${environments.slice(1).join(', ')}, ` +
      `but is ${visible(String(input))}`
  })

/** A value as a JSON string that escapes all characters except printable ASCII. */
const visible = (text: string) =>
  JSON.stringify(text.slice(0, 40)).replaceAll(
    /[^ -~]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  )

/**
 * Throws an Error if a variable was probably not read as intended: its value has quotes or white
 * space around it, or its name has a byte order mark. Docker's --env-file, for example, keeps the
 * quotes that a shell removes.
 */
export function checkSpelling(environment: NodeJS.ProcessEnv, names: readonly string[]) {
  for (const [name, value = ''] of Object.entries(environment)) {
    const intended = names.find(
      known =>
        known === name.trim() || (known === 'NODE_ENV' && known === name.trim().toUpperCase())
    )
    if (intended === undefined) continue
    if (intended !== name)
      throw new Error(`${intended} must have exactly this name, but is ${visible(name)}`)
    const actual = intended === 'NODE_ENV' ? `, but is ${visible(value)}` : ''
    if (/^\s*(["'`])[^]*\1\s*$/.test(value) && value.trim().length > 1)
      throw new Error(`${name} must be without the quotes around its value${actual}`)
    // A key in PEM form ends with a line end.
    if (/^\s|\s$/.test(value) && name !== 'JWT_PRIVATE_KEY' && name !== 'CONFIRMATION_TEMPLATES')
      throw new Error(`${name} must be without white space around its value${actual}`)
  }
}

/** The URL of a PostgreSQL server or of an embedded database. */
export const databaseUrl = () =>
  z
    .string()
    .regex(/^(postgres(ql)?:\/\/.|pglite:)/, 'must start with postgresql:// or pglite:')
    .superRefine((text, { addIssue }) => {
      if (text.startsWith('pglite:')) return
      try {
        readServerUrl(text)
      } catch (error) {
        addIssue((error as Error).message)
      }
    })

/** One or more secrets of random bytes in hex or base64url, separated by commas. */
export function secrets() {
  const message =
    'must be at least 32 random bytes in base64url or hex, e.g. from: openssl rand -hex 32'
  const guessable =
    'must be random: this one is typed, repeated or copied from an example; ' +
    'generate one with: openssl rand -hex 32'
  const secret = z
    .string(message)
    .regex(/^([0-9a-fA-F]{64,}|(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9_+/-]{43,}={0,2})$/, message)
    .transform((text, context) => {
      const bytes = Buffer.from(text, isHex(text) ? 'hex' : 'base64url')
      if (bytes.length >= 32 && !isGuessable(text, bytes)) return bytes
      context.addIssue({ code: 'custom', message: bytes.length < 32 ? message : guessable })
      return z.NEVER
    })
  return z.preprocess(text => list(String(text)), z.tuple([secret], secret))
}

const isHex = (text: string) => /^[0-9a-fA-F]+$/.test(text)

/** One or more texts, separated by commas. */
export const texts = () =>
  z.string().transform((text, context): [string, ...string[]] => {
    const [first = '', ...others] = list(text)
    if (first !== '' && !others.includes('')) return [first, ...others]
    context.addIssue({ code: 'custom', message: 'must not have empty entries between its commas' })
    return z.NEVER
  })

/** One or more audiences, separated by commas. */
export const audience = () =>
  texts().transform((all): string | [string, ...string[]] => (all.length === 1 ? all[0] : all))

/** One or more SHA-256 hashes in hex, separated by commas. */
export const sha256Hashes = () =>
  z
    .string()
    .transform(list)
    .refine(
      hashes => hashes.every(hash => /^[0-9a-f]{64}$/i.test(hash)),
      'must be SHA-256 hashes of API keys, with 64 hex digits each and commas between them; ' +
        'npm run keys -- new api prints a new key and its hash'
    )
    .transform(hashes => hashes.map(hash => Buffer.from(hash, 'hex')))

/** `*`, or ISO country codes separated by commas. */
export const countries = () =>
  z
    .string()
    .transform((text): '*' | string[] => (text === '*' ? text : list(text)))
    .superRefine((codes, context) => {
      if (codes === '*') return
      const unknown = codes.find(code => !isSupportedCountry(code))
      if (unknown === undefined) return
      const instead = usedInstead.get(unknown)
      context.addIssue(
        instead === undefined
          ? 'must be * or ISO country codes, e.g. US,CA,GB'
          : `must list ${instead} instead of ${unknown} (${regionNames.of(unknown)})`
      )
    })

/** Codes without a numbering plan, each with the country whose phone numbers are used there. */
const usedInstead = new Map([
  ['AQ', 'NF'],
  ['BV', 'NO'],
  ['GS', 'FK'],
  ['HM', 'NF'],
  ['PN', 'NZ'],
  ['TF', 'RE'],
  ['UK', 'GB'],
  ['UM', 'US']
])
const regionNames = new Intl.DisplayNames(['en'], { type: 'region' })

/** Origins separated by commas, spelled as browsers send them. */
export const origins = () =>
  z
    .string()
    .transform(list)
    .refine(
      texts => texts.every(isOrigin),
      'must be origins without a path and without *, e.g. https://app.example,capacitor://localhost'
    )

function isOrigin(text: string) {
  if (text.includes('*') || !URL.canParse(text)) return false
  const { origin, protocol, host } = new URL(text)
  if (/^https?:$/.test(protocol)) return origin === text
  // Web views of apps have their own schemes, whose origin URL doesn't support. The schemes below
  // have none.
  return (
    !/^(ftp|wss?|file|data|blob|about|javascript):$/.test(protocol) &&
    host !== '' &&
    `${protocol}//${host}` === text
  )
}

/** Only the host name of a URL, spelled as browsers compare it. */
export const domainName = () =>
  z
    .string()
    .refine(
      text =>
        /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/.test(
          text
        ) &&
        URL.canParse(`https://${text}`) &&
        new URL(`https://${text}`).hostname === text,
      'must be a domain in lowercase without scheme, port or path, e.g. login.example.com; ' +
        'an internationalized domain must be in its xn-- form'
    )

/**
 * IP addresses and CIDR ranges, separated by commas. Names and hop counts are refused, because they
 * would let a client forge its address.
 */
export const proxies = () =>
  z
    .string()
    .transform(list)
    .refine(
      texts => texts.every(isNetwork),
      'must be IP addresses or CIDR ranges of your proxies, e.g. 10.0.0.0/8,::1'
    )

function isNetwork(text: string) {
  const [address = '', prefix, ...rest] = text.split('/')
  const version = isIP(address)
  // Refuses /0, because then every client could forge its address.
  return (
    version !== 0 &&
    rest.length === 0 &&
    (prefix === undefined ||
      (/^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128)))
  )
}

const list = (text: string) => text.split(',').map(part => part.trim())

/** A JSON object that maps actions to the sentences of their confirmation messages. */
export const confirmationTemplates = () =>
  z.string().transform((text, context): ReadonlyMap<string, ConfirmationTemplate> => {
    const refuse = (message: string) => {
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }
    const sentences = z
      .record(z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/), z.string())
      .safeParse(parseJson(text))
    if (!sentences.success)
      return refuse(
        'must be JSON like {"transfer":"Send {amount} {currency} to {payee}"}, ' +
          'with actions of up to 32 lowercase letters, digits, _ or -'
      )
    const templates = new Map<string, ConfirmationTemplate>()
    for (const [action, sentence] of Object.entries(sentences.data)) {
      try {
        templates.set(action, parseTemplate(sentence))
      } catch (error) {
        return refuse(`is invalid: the sentence for ${action} ${(error as Error).message}`)
      }
    }
    return templates
  })

/** A URL to which secrets may be sent. */
export const safeUrl = () =>
  z.string().refine(text => {
    if (!URL.canParse(text)) return false
    const { protocol, hostname } = new URL(text)
    return (
      protocol === 'https:' ||
      (protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname))
    )
  }, 'must be an https URL, or http on loopback')

/**
 * The URL under which others reach this service, without a slash at its end. Paths are appended to
 * it, and Twilio signs the result, so it must be exactly what Twilio would request.
 */
export const publicUrl = () =>
  safeUrl().transform((text, context) => {
    const { origin, hostname, pathname, username, password } = new URL(text)
    const refuse = (message: string) => {
      context.addIssue({ code: 'custom', message })
      return z.NEVER
    }
    if (username !== '' || password !== '' || /[?#]/.test(text))
      return refuse('must be without user name, password, query and fragment')
    if (hostname.includes('_')) return refuse('must have a host name without _; Twilio refuses it')
    return `${origin}${pathname.replace(/\/+$/, '')}`
  })

/**
 * PEM blocks in a row, or `file:` paths separated by commas. The first key signs. Each key comes
 * with the file that contains it, if any.
 */
export const privateKeys = () =>
  z
    .string()
    .transform(
      (text, context): { keys: [KeyObject, ...KeyObject[]]; files: (string | undefined)[] } => {
        const refuse = (message: string) => {
          context.addIssue({ code: 'custom', message })
          return z.NEVER
        }
        const sources = sourcesOf(text)
        if (sources === undefined) return refuse('names a file that cannot be read')
        const found = sources.map(({ file, pem }) => ({ file, keys: keysIn(pem) }))
        const [first, ...others] = found.flatMap(({ keys }) => keys)
        if (
          first === undefined ||
          found.some(({ keys }) => keys.length === 0) ||
          ![first, ...others].every(isStrong)
        ) {
          return refuse(
            'must be PKCS#8 PEM (or file: and a path to it) of an EC P-256, an Ed25519 ' +
              'or an RSA key of at least 3072 bits'
          )
        }
        // Compares bytes, because after `equals` on keys of two kinds Node 20 fails to read the
        // next valid key.
        const different = new Set(
          [first, ...others].map(key =>
            key.export({ format: 'der', type: 'pkcs8' }).toString('hex')
          )
        )
        if (different.size <= others.length) return refuse('must not contain the same key twice')
        return {
          keys: [first, ...others],
          files: found.flatMap(({ file, keys }) => keys.map(() => file))
        }
      }
    )

/** Undefined if a file can't be read. */
function sourcesOf(text: string): { file: string | undefined; pem: string }[] | undefined {
  // A value in an environment file can't contain line ends.
  if (!text.startsWith('file:')) return [{ file: undefined, pem: text.replaceAll('\\n', '\n') }]
  try {
    return list(text)
      .map(path => path.replace(/^file:/, ''))
      .map(file => ({ file, pem: readFileSync(file, 'utf8') }))
  } catch {
    return undefined
  }
}

/** Empty if a block is damaged, because the operator may have intended that key. */
function keysIn(pem: string): KeyObject[] {
  const blocks = pem.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? []
  if (blocks.length !== pem.split('-----BEGIN ').length - 1) return []
  try {
    return blocks.map(block => createPrivateKey(block))
  } catch {
    // The error's message may contain a part of the key.
    return []
  }
}

function isStrong({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject) {
  return (
    type === 'ed25519' ||
    (type === 'ec' && details?.namedCurve === 'prime256v1') ||
    (type === 'rsa' && (details?.modulusLength ?? 0) >= 3072)
  )
}
