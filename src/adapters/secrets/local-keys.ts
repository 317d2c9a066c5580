import { createPrivateKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The folder of the keys that a server generates if none are configured. */
export const dataFolder = 'data'

/** The path of the signing key in `folder`. The file may not exist yet. */
export const localKeyFile = (folder: string) => join(folder, 'jwt-private-key.pem')

/** Generates a signing key of each supported kind. */
export const keyGenerators = {
  EC: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  Ed25519: () => generateKeyPairSync('ed25519').privateKey,
  RSA: () => generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
}

const secretFile = (folder: string) => join(folder, 'secret')

/** The secret in `folder`, 32 random bytes. The first start generates it. */
export function localSecret(folder: string): Buffer {
  const file = secretFile(folder)
  return parseSecret(
    file,
    readOrMake(file, () => randomBytes(32).toString('hex'))
  )
}

/** The secret that a server has generated in `folder`, or undefined before its first start. */
export function existingLocalSecret(folder: string): Buffer | undefined {
  const file = secretFile(folder)
  const text = readIfPresent(file)
  return text === undefined ? undefined : parseSecret(file, text)
}

function parseSecret(file: string, text: string): Buffer {
  if (!/^[0-9a-f]{64}$/.test(text.trim())) throw damaged(file)
  return Buffer.from(text.trim(), 'hex')
}

/** The signing key in `folder`, EC P-256. The first start generates it. */
export function localSigningKey(folder: string): KeyObject {
  const file = localKeyFile(folder)
  const pem = readOrMake(file, () => pemOf(keyGenerators.EC()))
  try {
    return createPrivateKey(pem)
  } catch {
    throw damaged(file)
  }
}

/** Writes a private key to a new file as PKCS#8 PEM. Returns false if the file already exists. */
export const writeKeyFile = (file: string, key: KeyObject) => writeNew(file, pemOf(key))

const pemOf = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }).toString()

// Never regenerate a key silently: every issued token would become invalid without explanation.
const damaged = (file: string) =>
  new Error(`${file} is damaged: restore it from a backup, or delete it to generate a new one`)

function readOrMake(file: string, make: () => string): string {
  const text = readIfPresent(file)
  if (text !== undefined) return text
  writeNew(file, make())
  return readFileSync(file, 'utf8')
}

function readIfPresent(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
    return undefined
  }
}

function writeNew(file: string, text: string): boolean {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // A temporary file is linked into place. A crash never leaves a partial key, and only one of two
  // concurrent first starts succeeds.
  const draft = `${file}.${randomBytes(8).toString('hex')}`
  try {
    writeFileSync(draft, text, { mode: 0o600, flush: true })
    linkSync(draft, file)
    return true
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
    return false
  } finally {
    rmSync(draft, { force: true })
  }
}

const hasCode = (error: unknown, code: string) =>
  error instanceof Error && 'code' in error && error.code === code
