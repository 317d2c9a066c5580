import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, openSync, readdirSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const debian = '/usr/lib/postgresql'

/** A PostgreSQL server for the databases. `ours` means that the benchmark has started it. */
export type PostgresServer = {
  url: string
  version: string
  ours: boolean
  stop: () => Promise<void>
}

/**
 * Returns the server that BENCH_DATABASE_URL or TEST_DATABASE_URL names. Without them, starts
 * Debian's in `folder`. Throws an Error with one line if there is neither.
 */
export async function findPostgres(folder: string): Promise<PostgresServer> {
  const url = process.env['BENCH_DATABASE_URL'] || process.env['TEST_DATABASE_URL']
  if (url) {
    const variable = process.env['BENCH_DATABASE_URL'] ? 'BENCH_DATABASE_URL' : 'TEST_DATABASE_URL'
    const version = await versionOf(url).catch(error => {
      const reason = error.message || error.code
      throw new Error(`the PostgreSQL server of ${variable} doesn't respond: ${reason}`)
    })
    return { url, version, ours: false, stop: async () => {} }
  }
  const versions = existsSync(debian)
    ? readdirSync(debian).sort((a, b) => Number(b) - Number(a))
    : []
  const bin = versions
    .map(version => join(debian, version, 'bin'))
    .find(bin => existsSync(join(bin, 'initdb')))
  if (bin === undefined)
    throw new Error(
      'there is no PostgreSQL server: set BENCH_DATABASE_URL=postgresql://…, ' +
        "or install Debian's package postgresql"
    )
  return startPostgres(bin, folder)
}

async function startPostgres(bin: string, folder: string): Promise<PostgresServer> {
  const data = join(folder, 'postgres')
  mkdirSync(data)
  // PostgreSQL refuses to run as root. Debian's package creates this user.
  const asUser =
    process.getuid?.() === 0
      ? ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--clear-groups']
      : []
  if (asUser.length > 0) {
    chmodSync(folder, 0o755)
    execFileSync('chown', ['postgres', data])
  }
  const [initdb = '', ...args] = [
    ...asUser,
    join(bin, 'initdb'),
    '--auth',
    'trust',
    '--username',
    'postgres',
    '--encoding',
    'UTF8',
    '--locale',
    'C',
    '-D',
    data
  ]
  execFileSync(initdb, args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })

  const port = await freePort()
  const [command = '', ...rest] = [
    ...asUser,
    join(bin, 'postgres'),
    '-D',
    data,
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    `unix_socket_directories=${data}`
  ]
  const log = openSync(join(folder, 'postgres.log'), 'a')
  // In its own process group, so that Ctrl-C reaches only the benchmark, which then stops it.
  const server = spawn(command, rest, { cwd: '/', detached: true, stdio: ['ignore', log, log] })
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`
  const stop = () => stopPostgres(server)
  for (let tries = 0; ; tries++) {
    const version = await versionOf(url).catch(() => undefined)
    if (version !== undefined) return { url, version, ours: true, stop }
    if (tries > 100 || server.exitCode !== null)
      throw await stop().then(() => new Error(`the PostgreSQL server in ${bin} doesn't start`))
    await sleep(100)
  }
}

async function stopPostgres(server: ChildProcess) {
  if (server.exitCode !== null || server.signalCode !== null) return
  const ended = once(server, 'exit')
  server.kill('SIGINT') // Fast shutdown: doesn't wait for clients.
  const timer = setTimeout(() => server.kill('SIGQUIT'), 10_000)
  await ended
  clearTimeout(timer)
}

async function versionOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 })
  try {
    await client.connect()
    return (await client.query('SHOW server_version')).rows[0].server_version
  } finally {
    await client.end().catch(() => {})
  }
}

/** Returns a port that was free just now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // The address of a TCP server.
  server.close()
  await once(server, 'close')
  return port
}
