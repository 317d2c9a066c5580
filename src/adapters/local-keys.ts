import { createPrivateKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Where the keys are kept that nobody configured. */
export const localFolder = 'data'

/** The file of the signing key in `folder`, whether or not it is there yet. */
export const localKeyFile = (folder: string) => join(folder, 'jwt-private-key.pem')

/** The kinds of signing keys that can be made, and how. */
export const newKeys = {
  EC: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  Ed25519: () => generateKeyPairSync('ed25519').privateKey,
  RSA: () => generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
}

/** The secret in `folder`, made at the first start: 32 random bytes. */
export function localSecret (folder: string): Buffer {
  const file = join(folder, 'secret')
  const text = readOrMake(file, () => randomBytes(32).toString('hex')).trim()
  if (!/^[0-9a-f]{64}$/.test(text)) throw damaged(file)
  return Buffer.from(text, 'hex')
}

/** The signing key in `folder`, made at the first start: EC P-256. */
export function localSigningKey (folder: string): KeyObject {
  const file = localKeyFile(folder)
  const pem = readOrMake(file, () => pemOf(newKeys.EC()))
  try {
    return createPrivateKey(pem)
  } catch {
    throw damaged(file)
  }
}

/** Keeps a private key in a new file, as PKCS#8 PEM. Returns false, and changes nothing, when there is such a file. */
export const keepKey = (file: string, key: KeyObject) => writeNew(file, pemOf(key))

const pemOf = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }).toString()

// Not made anew without a word: every token that is out would be refused, and nobody would know why.
const damaged = (file: string) => new Error(`${file} is damaged: put it back from a backup, or delete it to have a new one made`)

function readOrMake (file: string, make: () => string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  writeNew(file, make())
  return readFileSync(file, 'utf8')
}

function writeNew (file: string, text: string): boolean {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // Written aside and linked into place: a crash leaves no half of a key, and of two first starts at once one yields.
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

const hasCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code
