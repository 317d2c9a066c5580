import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { isSupportedCountry } from 'libphonenumber-js/max'
import { z } from 'zod'
import { readTemplate, type ConfirmationTemplate } from './domain/confirmation-template.ts'

// The kinds of values that the environment may hold. No message repeats a value: it may be a secret.

/** A whole number within these bounds, in digits. */
export function whole (least: number, most: number) {
  const message = `must be a whole number from ${least} to ${most}`
  return z.string().regex(/^\d{1,9}$/, message).transform(Number).refine(number => number >= least && number <= most, message)
}

/** How often something may be done; 0 is no limit. */
export const limit = () => whole(0, 1_000_000)

/** `production` or any other name, but nothing that was meant to be `production`: it would be a development server in public. */
export const environmentName = () =>
  z.string().refine(name => name === 'production' || !/^\s*prod/i.test(name), 'must be exactly production, or a name that does not look like it')

/** The URL of a PostgreSQL server or of an embedded one. */
export const databaseUrl = () => z.string()
  .regex(/^(postgres(ql)?:\/\/.|pglite:)/, 'must start with postgresql:// or pglite:')
  // A name before no host is how a Unix socket is asked for, and no URL to anybody but PostgreSQL.
  .refine(text => text.startsWith('pglite:') || URL.canParse(text.replace('@/', '@localhost/')),
    'must be a URL; what is special in a URL has to be percent-encoded in the password')

/** Random bytes in hex or base64url; several between commas. */
export function secrets () {
  const message = 'must be at least 32 random bytes in base64url or hex, e.g. from: openssl rand -hex 32'
  const secret = z.string(message)
    .regex(/^([0-9a-fA-F]{64,}|(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9_+/-]{43,}={0,2})$/, message)
    .transform(text => Buffer.from(text, isHex(text) ? 'hex' : 'base64url'))
    // Thirty-two random bytes with fewer than eight different ones do not happen, nor are they written in letters of
    // one case (above); typed ones and placeholders are.
    .refine(bytes => bytes.length >= 32 && new Set(bytes).size >= 8, message)
  return z.preprocess(text => list(String(text)), z.tuple([secret], secret))
}

const isHex = (text: string) => /^[0-9a-fA-F]+$/.test(text)

/** `*`, or ISO codes of countries between commas. */
export const countries = () => z.string()
  .transform(text => text === '*' ? text : list(text))
  .refine(codes => codes === '*' || codes.every(code => isSupportedCountry(code)), 'must be * or ISO country codes, e.g. US,CA,GB')

/** Origins between commas, as browsers name them: that is how they are compared. */
export const origins = () => z.string().transform(list).refine(
  texts => texts.every(text => !text.includes('*') && /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text),
  'must be origins without a path and without *, e.g. https://app.example,http://localhost:5173')

/** A host's name as browsers compare it, and nothing else of a URL. */
export const domainName = () => z.string().refine(
  text => /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/.test(text) && URL.canParse(`https://${text}`) && new URL(`https://${text}`).hostname === text,
  'must be a domain in small letters without scheme, port or path, e.g. login.example.com; with letters beyond a to z in its xn-- form')

/** Addresses and CIDR ranges between commas. Neither names nor numbers of hops: a caller could then say who it is. */
export const proxies = () => z.string().transform(list).refine(
  texts => texts.every(isNetwork), 'must be IP addresses or CIDR ranges of your proxies, e.g. 10.0.0.0/8,::1')

function isNetwork (text: string) {
  const [address = '', prefix, ...rest] = text.split('/')
  const version = isIP(address)
  // A range of everybody is as good as no list.
  return version !== 0 && rest.length === 0 &&
    (prefix === undefined || (/^[1-9]\d{0,2}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128)))
}

const list = (text: string) => text.split(',').map(part => part.trim())

/** Sentences for actions that can be confirmed: a JSON object, action → sentence. */
export const confirmationTemplates = () => z.string().transform((text, context): ReadonlyMap<string, ConfirmationTemplate> => {
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  }
  const sentences = z.record(z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/), z.string()).safeParse(fromJson(text))
  if (!sentences.success) return refuse('must be JSON like {"transfer":"Send {amount} {currency} to {payee}"}, with actions of up to 32 small letters, digits, _ or -')
  const templates = new Map<string, ConfirmationTemplate>()
  for (const [action, sentence] of Object.entries(sentences.data)) {
    try {
      templates.set(action, readTemplate(sentence))
    } catch (error) {
      return refuse(`won't do: the sentence for ${action} ${(error as Error).message}`)
    }
  }
  return templates
})

function fromJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** An address that secrets may be sent to. */
export const safeUrl = () => z.string().refine(text => {
  if (!URL.canParse(text)) return false
  const { protocol, hostname } = new URL(text)
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname))
}, 'must be an https URL, or http on loopback')

/** PEM blocks one after another, or `file:` paths between commas; the first one signs. With each the file that it is in. */
export const privateKeys = () => z.string().transform((text, context): { keys: [KeyObject, ...KeyObject[]], files: (string | undefined)[] } => {
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  }
  const sources = sourcesOf(text)
  if (sources === undefined) return refuse('names a file that can not be read')
  const found = sources.map(({ file, pem }) => ({ file, keys: keysIn(pem) }))
  const [first, ...others] = found.flatMap(({ keys }) => keys)
  if (first === undefined || found.some(({ keys }) => keys.length === 0) || ![first, ...others].every(isStrong)) {
    return refuse('must be PKCS#8 PEM (or file: and a path to it) of an EC P-256, an Ed25519 or an RSA key of at least 3072 bits')
  }
  // By their bytes: after `equals` on keys of two kinds, Node 20 fails to read the next good key.
  const different = new Set([first, ...others].map(key => key.export({ format: 'der', type: 'pkcs8' }).toString('hex')))
  if (different.size <= others.length) return refuse('must not hold the same key twice')
  return { keys: [first, ...others], files: found.flatMap(({ file, keys }) => keys.map(() => file)) }
})

/** Undefined when there is a file that can't be read. */
function sourcesOf (text: string): { file: string | undefined, pem: string }[] | undefined {
  // A line of an environment file can't hold line ends.
  if (!text.startsWith('file:')) return [{ file: undefined, pem: text.replaceAll('\\n', '\n') }]
  try {
    return list(text).map(path => path.replace(/^file:/, '')).map(file => ({ file, pem: readFileSync(file, 'utf8') }))
  } catch {
    return undefined
  }
}

/** None when one of them is damaged: the rest may not be what was meant. */
function keysIn (pem: string): KeyObject[] {
  const blocks = pem.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? []
  if (blocks.length !== pem.split('-----BEGIN ').length - 1) return []
  try {
    return blocks.map(block => createPrivateKey(block))
  } catch {
    // Whatever the reason, its message may hold a piece of the key.
    return []
  }
}

function isStrong ({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject) {
  return type === 'ed25519' || (type === 'ec' && details?.namedCurve === 'prime256v1') || (type === 'rsa' && (details?.modulusLength ?? 0) >= 3072)
}
