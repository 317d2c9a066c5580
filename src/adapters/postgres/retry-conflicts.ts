import type { SqlDriverAdapter } from '@prisma/driver-adapter-utils'
import { unwrapDriverError } from './unwrap-driver-error.ts'

/**
 * Repeats a statement once if the server rolled it back because of a conflict (40001) or a deadlock
 * (40P01). That is safe because each statement is its own transaction and does nothing once its
 * condition no longer holds.
 */
export function retryConflicts(
  adapter: SqlDriverAdapter,
  schemaName: string | undefined
): SqlDriverAdapter {
  return {
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    queryRaw: query => retryConflict(() => adapter.queryRaw(query)),
    executeRaw: query => retryConflict(() => adapter.executeRaw(query)),
    executeScript: script => adapter.executeScript(script),
    startTransaction: level => adapter.startTransaction(level),
    getConnectionInfo: () => ({
      ...adapter.getConnectionInfo?.(),
      supportsRelationJoins: true,
      ...(schemaName !== undefined && { schemaName })
    }),
    dispose: () => adapter.dispose()
  }
}

async function retryConflict<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (unwrapDriverError(error)['kind'] !== 'TransactionWriteConflict') throw error
    return run()
  }
}
