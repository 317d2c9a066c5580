import { readFile } from 'node:fs/promises'
import {
  bindMigrationAwareSqlAdapterFactory,
  type SqlDriverAdapter
} from '@prisma/driver-adapter-utils'
import type { SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { TransactionConnection } from './postgres.ts'

// Neither TypeScript's libraries for Node nor @types/node 20 declare WebAssembly.
type WebAssemblyPart = {
  instantiate: (
    bytes: Uint8Array,
    imports: object
  ) => Promise<{ instance: { exports: { __wbindgen_start: () => void } } }>
}
type Bindings = typeof import('@prisma/schema-engine-wasm/schema_engine_bg') & {
  __wbg_set_wasm: (exports: object) => void
}

const packageFile = '@prisma/schema-engine-wasm/schema_engine_bg'
let loading: Promise<Bindings> | undefined

/**
 * Prisma's schema engine on one session. The first call loads its WebAssembly build (5 MB, about
 * 60 ms), because the native build would have to be downloaded. The package is undocumented.
 * Therefore its version is pinned, and only this file uses it.
 */
export async function createSchemaEngine({
  schemaName,
  ...session
}: TransactionConnection): Promise<SchemaEngine> {
  const { SchemaEngine } = await (loading ??= load())
  const unsupported = () => Promise.reject(new Error('the schema engine can use only one session'))
  const connection: SqlDriverAdapter = {
    provider: 'postgres',
    adapterName: 'sms-login',
    ...session,
    getConnectionInfo: () => ({ schemaName, supportsRelationJoins: true }),
    startTransaction: unsupported,
    // The caller opened the session and closes it.
    dispose: async () => {}
  }
  // The engine requires a schema file that names the dialect.
  const dialect: [string, string] = [
    'dialect.prisma',
    'datasource db {\n  provider = "postgresql"\n}'
  ]
  return SchemaEngine.new(
    { datamodels: [dialect] },
    () => {},
    bindMigrationAwareSqlAdapterFactory({
      provider: 'postgres',
      adapterName: 'sms-login',
      connect: async () => connection,
      connectToShadowDb: unsupported
    })
  )
}

async function load(): Promise<Bindings> {
  // The declared types omit the functions that are meant only for the package's own loader, which
  // requires a bundler.
  const bindings = (await import('@prisma/schema-engine-wasm/schema_engine_bg')) as Bindings
  const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyPart }
  const bytes = await readFile(new URL('schema_engine_bg.wasm', import.meta.resolve(packageFile)))
  const { instance } = await WebAssembly.instantiate(bytes, {
    './schema_engine_bg.js': { ...bindings, ...unrefTimers(bindings) }
  })
  bindings.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
  return bindings
}

/** The engine never clears its ten-second timer for a lock, which would keep the process alive. */
function unrefTimers(bindings: object): object {
  const names = Object.keys(bindings).filter(name => name.startsWith('__wbg_setTimeout_'))
  return Object.fromEntries(
    names.map(name => [name, (task: () => void, delay: number) => setTimeout(task, delay).unref()])
  )
}
