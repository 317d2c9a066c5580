import type { SqlDriverAdapter } from '@prisma/driver-adapter-utils'
import { unwrapDriverError } from './unwrap-driver-error.ts'

/** The adapter, calling `note` for each statement that the server answers, even with an error. */
export function noteAnswers(adapter: SqlDriverAdapter, note: () => void): SqlDriverAdapter {
  const noting = async <T>(statement: Promise<T>): Promise<T> => {
    try {
      const result = await statement
      note()
      return result
    } catch (error) {
      // Only an error of the server has a SQLSTATE.
      if (typeof unwrapDriverError(error)['originalCode'] === 'string') note()
      throw error
    }
  }
  return {
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    queryRaw: query => noting(adapter.queryRaw(query)),
    executeRaw: query => noting(adapter.executeRaw(query)),
    executeScript: script => adapter.executeScript(script),
    startTransaction: level => adapter.startTransaction(level),
    getConnectionInfo: () => adapter.getConnectionInfo?.() ?? { supportsRelationJoins: true },
    dispose: () => adapter.dispose()
  }
}
