import { createPrivateKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The secret in `folder`, made at the first start: 32 random bytes. */
export const localSecret = (folder: string): Buffer =>
  Buffer.from(readOrMake(join(folder, 'secret'), () => randomBytes(32).toString('hex')).trim(), 'hex')

/** The signing key in `folder`, made at the first start: EC P-256. */
export const localSigningKey = (folder: string): KeyObject =>
  createPrivateKey(readOrMake(join(folder, 'jwt-private-key.pem'), () =>
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()))

function readOrMake (file: string, make: () => string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 })
  // Written aside and linked into place: a crash leaves no half of a key, and of two first starts at once one yields.
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, make(), { mode: 0o600 })
  try {
    linkSync(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    rmSync(draft)
  }
  return readFileSync(file, 'utf8')
}
