import { resolve } from 'node:path'
import { urlParts } from './server-url.ts'

/**
 * The name of the database in a valid `DATABASE_URL`, as the operator knows it. It never contains
 * the user, the password or a part of the URL that could be either.
 */
export function databaseName(url: string): string {
  if (url.startsWith('pglite:')) return `pglite:${resolve(url.slice('pglite:'.length))}`
  const parts = urlParts(url)
  if (parts === undefined) return 'a PostgreSQL server'
  const host = new URLSearchParams(parts['query']).get('host') ?? parts['host']
  return `postgresql://${host}/${parts['database'] ?? ''}`
}

/**
 * The error of a command that finds no embedded database. Only a server creates one. A command that
 * runs without the server's environment would otherwise change a database that no server uses.
 */
export const noDatabase = (url: string) =>
  new Error(
    `There is no database at ${databaseName(url)}. ` +
      "Set DATABASE_URL to the server's, or start the server (npm start), which creates it."
  )
