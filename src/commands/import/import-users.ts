import PQueue from 'p-queue'
import { usernameKey } from '../../domain/login/username.ts'
import type { NewUser, UserDirectory } from '../../domain/users/user-directory.ts'
import type { Row } from './row.ts'
import { RowError, toUser, type ImportedUser, type Rules } from './to-user.ts'

/** How many users one statement adds. */
const batchSize = 200

export type ImportOptions = Rules & {
  /** Checks everything and adds nothing. */
  dryRun: boolean
  hash: (password: string) => Promise<string>
  /** Concurrent hashes. */
  concurrency: number
  /** Reports a row that was rejected, or that differs from what the operator may expect. */
  report: (line: string) => void
  /** Called after each batch with the number of rows so far. */
  onProgress: (rows: number) => void
}

export type ImportCounts = { added: number; existing: number; rejected: number }

/**
 * Adds the users of all rows. Reports rejected rows and continues with the others. Users that exist
 * already stay unchanged, so that an interrupted import can be repeated. Of usernames that differ
 * only in case or width, the first one comes in. Memory use grows only by the usernames.
 */
export async function importUsers(
  users: Pick<UserDirectory, 'addAll' | 'existing'>,
  rows: AsyncIterable<Row>,
  options: ImportOptions
): Promise<ImportCounts> {
  const counts: ImportCounts = { added: 0, existing: 0, rejected: 0 }
  const hashes = new PQueue({ concurrency: options.concurrency })
  const seen = new Set<string>()
  let batch: { where: string; user: ImportedUser }[] = []

  function accept(row: Row) {
    try {
      if ('error' in row) throw new RowError(row.error)
      const user = toUser(row.fields, options)
      const key = usernameKey(user.username)
      if (seen.has(key)) throw new RowError('username: An earlier row has the same username.')
      seen.add(key)
      batch.push({ where: row.where, user })
    } catch (error) {
      if (!(error instanceof RowError)) throw error
      counts.rejected++
      options.report(`${row.where}: ${error.message}`)
    }
  }

  async function withDigest(user: ImportedUser): Promise<NewUser> {
    if ('passwordDigest' in user) return user
    const { password, ...rest } = user
    return { ...rest, passwordDigest: await options.hash(password) }
  }

  async function addBatch() {
    const usernames = batch.map(({ user }) => user.username)
    const existing = await users.existing(usernames)
    const fresh = batch.filter(({ user }) => !existing.has(usernameKey(user.username)))
    const added = options.dryRun
      ? new Set(fresh.map(({ user }) => usernameKey(user.username)))
      : await users.addAll(
          await hashes.addAll(
            fresh.map(
              ({ user }) =>
                () =>
                  withDigest(user)
            )
          )
        )
    for (const { where, user } of batch) {
      if (!added.has(usernameKey(user.username))) {
        counts.existing++
        options.report(`${where}: The user exists already and stays unchanged.`)
      } else {
        counts.added++
        if ('passwordDigest' in user && user.passwordDigest === '!')
          options.report(
            `${where}: The user has no usable password. Set one to let the user log in.`
          )
      }
    }
    batch = []
  }

  let rowsRead = 0
  for await (const row of rows) {
    accept(row)
    rowsRead++
    if (batch.length < batchSize) continue
    await addBatch()
    options.onProgress(rowsRead)
  }
  if (batch.length > 0) await addBatch()
  return counts
}
