import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from '../../src/runtime/free-port.ts'

/** The folder of Debian's PostgreSQL programs; undefined if they are not installed. */
const bin = newestIn('/usr/lib/postgresql')

/** The `skip` option of a test: why this machine can't run such a server; false if it can. */
export const noPostgresWithTls =
  (bin === undefined && 'needs initdb and postgres in /usr/lib/postgresql') ||
  (!runs('openssl', ['version']) && 'needs openssl')

/**
 * Starts a PostgreSQL server on localhost that accepts only TLS connections and stops at the end of
 * the test. Its certificate is for `localhost`.
 */
export async function startPostgresWithTls(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'sms-login-tls-'))
  chmodSync(folder, 0o777)
  const data = join(folder, 'data')
  const port = await freePort('127.0.0.1', 0)
  const ca = newCa(folder, 'ca')
  const otherCa = newCa(folder, 'other-ca')

  asPostgres(`${bin}/initdb`, ['-A', 'trust', '-E', 'UTF8', '--locale', 'C', '-N', '-D', data])
  const key = join(folder, 'server.key')
  const request = join(folder, 'server.csr')
  openssl(['req', ...newKey, '-keyout', key, '-out', request, '-subj', '/CN=localhost'])
  const names = join(folder, 'names')
  writeFileSync(names, 'subjectAltName=DNS:localhost')
  const signed = ['-CA', ca, '-CAkey', ca.replace('.crt', '.key'), '-CAcreateserial']
  const certificate = join(folder, 'server.crt')
  openssl(['x509', '-req', '-in', request, ...signed, '-extfile', names, '-out', certificate])
  // PostgreSQL refuses a key that others may read, unless it belongs to root.
  chmodSync(key, 0o644)
  asPostgres('install', ['-m', '600', key, join(data, 'server.key')])
  writeFileSync(join(folder, 'hba'), 'hostssl all all localhost trust\n')

  const settings = {
    port,
    listen_addresses: 'localhost',
    unix_socket_directories: '',
    hba_file: join(folder, 'hba'),
    fsync: 'off',
    ssl: 'on',
    ssl_cert_file: certificate,
    ssl_key_file: 'server.key'
  }
  const server = spawn(
    ...command(`${bin}/postgres`, [
      '-D',
      data,
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    ]),
    { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] }
  )
  const ended = once(server, 'close')
  t.teardown(async () => {
    server.kill('SIGINT')
    await ended
    rmSync(folder, { recursive: true })
  })
  let log = ''
  while (!log.includes('ready to accept connections')) {
    const [chunk] = (await Promise.race([once(server.stderr, 'data'), ended])) as unknown[]
    log += String(chunk)
    if (server.exitCode !== null) throw new Error(log)
  }
  server.stderr.resume()
  return { url: `postgresql://postgres@localhost:${port}/postgres`, ca, otherCa }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

/** Creates a certificate authority. Returns the path of its certificate; the key is next to it. */
function newCa(folder: string, name: string): string {
  const file = join(folder, `${name}.crt`)
  const key = join(folder, `${name}.key`)
  openssl(['req', '-x509', ...newKey, '-keyout', key, '-out', file, '-subj', `/CN=${name}`])
  return file
}

const openssl = (args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })

const asPostgres = (program: string, args: string[]) =>
  execFileSync(...command(program, args), { cwd: '/', stdio: 'pipe' })

/** A command that runs as the user postgres, because PostgreSQL refuses to run as root. */
function command(program: string, args: string[]): [string, string[]] {
  if (process.getuid?.() !== 0) return [program, args]
  return ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', program, ...args]]
}

function newestIn(folder: string): string | undefined {
  try {
    const newest = readdirSync(folder)
      .sort((a, b) => Number(a) - Number(b))
      .at(-1)
    return newest && join(folder, newest, 'bin')
  } catch {
    return undefined
  }
}

function runs(program: string, args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
