import { readFile } from 'node:fs/promises'
import { bindMigrationAwareSqlAdapterFactory, type SqlDriverAdapter } from '@prisma/driver-adapter-utils'
import type { SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg'
import type { Session } from './postgres.ts'

// Neither TypeScript's libraries for Node nor @types/node 20 know WebAssembly. This is the part used here.
type WebAssemblyPart = {
  instantiate: (bytes: Uint8Array, imports: object) => Promise<{ instance: { exports: { __wbindgen_start: () => void } } }>
}
type Bindings = typeof import('@prisma/schema-engine-wasm/schema_engine_bg') & { __wbg_set_wasm: (exports: object) => void }

const packageFile = '@prisma/schema-engine-wasm/schema_engine_bg'
let loading: Promise<Bindings> | undefined

/**
 * Prisma's schema engine on one session. It is the WebAssembly build, loaded at the first call (5 MB, some 60 ms): the
 * native one would be a download. The package is undocumented, so its version is pinned and this file is all that knows it.
 */
export async function schemaEngine (session: Session): Promise<SchemaEngine> {
  const { SchemaEngine } = await (loading ??= load())
  const notHere = () => Promise.reject(new Error('the schema engine has one session and no other'))
  const connection: SqlDriverAdapter = {
    provider: 'postgres',
    adapterName: 'sms-login',
    ...session,
    startTransaction: notHere,
    // The session belongs to whoever opened it.
    dispose: async () => {}
  }
  // It insists on a schema to learn the dialect from.
  const dialect: [string, string] = ['dialect.prisma', 'datasource db {\n  provider = "postgresql"\n}']
  return SchemaEngine.new({ datamodels: [dialect] }, () => {}, bindMigrationAwareSqlAdapterFactory({
    provider: 'postgres',
    adapterName: 'sms-login',
    connect: async () => connection,
    connectToShadowDb: notHere
  }))
}

async function load (): Promise<Bindings> {
  // The declared types leave out what only the package's own loader, written for bundlers, is meant to call.
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg') as Bindings
  const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyPart }
  const bytes = await readFile(new URL('schema_engine_bg.wasm', import.meta.resolve(packageFile)))
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': { ...bindings, ...unrefTimers(bindings) } })
  bindings.__wbg_set_wasm(instance.exports)
  instance.exports.__wbindgen_start()
  return bindings
}

/** The engine gives a lock ten seconds and never stops that clock; left alone it keeps a finished process alive. */
function unrefTimers (bindings: object): object {
  const names = Object.keys(bindings).filter(name => name.startsWith('__wbg_setTimeout_'))
  return Object.fromEntries(names.map(name => [name, (task: () => void, delay: number) => setTimeout(task, delay).unref()]))
}
