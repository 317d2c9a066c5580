import type pg from 'pg'

/**
 * Closes each connection that returns to the pool inside a transaction. That happens when the
 * server does not answer in time, neither to a statement nor to the ROLLBACK after it. Otherwise
 * later statements of other requests would run in that transaction, which nobody commits, and its
 * locks would stay.
 */
export function closeUnfinished(pool: pg.Pool) {
  pool.on('release', (_error, connection) => {
    if (connection.getTransactionStatus() !== 'I') void connection.end()
  })
}
