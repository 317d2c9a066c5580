import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '../..')

/** The folders with a package.json of their own, which keeps `npm ci` small. */
export const separateFolders = [
  'examples/backend',
  'examples/react',
  'scripts/openapi',
  'scripts/postman',
  'test/browser'
] as const
type Folder = (typeof separateFolders)[number]

/** The `skip` option of a test: the command that installs the folder's packages if missing. */
export function skipUnlessInstalled(folder: Folder): string | false {
  return existsSync(join(root, folder, 'node_modules')) ? false : `run npm ci --prefix ${folder}`
}

/** Imports a package from one of these folders. It has no types, as it may not be installed. */
export async function importFrom(folder: Folder, name: string) {
  const path = createRequire(join(root, folder, 'package.json')).resolve(name)
  return import(pathToFileURL(path).href)
}
