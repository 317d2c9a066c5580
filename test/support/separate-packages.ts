import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = join(import.meta.dirname, '../..')

/** The folders whose tools have a package.json of their own, so that `npm ci` stays small. */
export const separateFolders = [
  'examples/react',
  'scripts/openapi',
  'scripts/postman',
  'test/browser'
] as const
type Folder = (typeof separateFolders)[number]

/** The `skip` option of a test: the command to run where the folder's packages are missing. */
export function skipUnlessInstalled(folder: Folder): string | false {
  return existsSync(join(root, folder, 'node_modules')) ? false : `run npm ci --prefix ${folder}`
}

/** A package that is installed in one of these folders. Its types are not there to check with. */
export async function importFrom(folder: Folder, name: string) {
  const path = createRequire(join(root, folder, 'package.json')).resolve(name)
  return import(pathToFileURL(path).href)
}
