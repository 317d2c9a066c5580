import { createPrivateKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The secret in `folder`, made at the first start: 32 random bytes. */
export function localSecret (folder: string): Buffer {
  const file = join(folder, 'secret')
  const text = readOrMake(file, () => randomBytes(32).toString('hex')).trim()
  if (!/^[0-9a-f]{64}$/.test(text)) throw damaged(file)
  return Buffer.from(text, 'hex')
}

/** The signing key in `folder`, made at the first start: EC P-256. */
export function localSigningKey (folder: string): KeyObject {
  const file = join(folder, 'jwt-private-key.pem')
  const pem = readOrMake(file, () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString())
  try {
    return createPrivateKey(pem)
  } catch {
    throw damaged(file)
  }
}

// Not made anew without a word: every token that is out would be refused, and nobody would know why.
const damaged = (file: string) => new Error(`${file} is damaged: put it back from a backup, or delete it to have a new one made`)

function readOrMake (file: string, make: () => string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // Written aside and linked into place: a crash leaves no half of a key, and of two first starts at once one yields.
  const draft = `${file}.${randomBytes(8).toString('hex')}`
  writeFileSync(draft, make(), { mode: 0o600, flush: true })
  try {
    linkSync(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    rmSync(draft)
  }
  return readFileSync(file, 'utf8')
}
