import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { unpackDatabase } from '../support/database.ts'
import {
  production,
  startProcess,
  startServer,
  startProgram,
  argumentsOf
} from '../support/start-process.ts'

// `script` from util-linux runs a command on a new terminal, which closes when `script` is killed.
// The ones of other systems have other options.
const skip = process.platform !== 'linux' && 'needs script(1) of util-linux'

/**
 * Starts a server on a new terminal. `shell` is the command of the session's first shell, in which
 * `$SERVER` is replaced by the command that starts the server.
 */
async function startOnTerminal(t: Test, shell = '$SERVER; true') {
  const folder = t.testdir()
  await unpackDatabase(join(folder, 'data/pglite'))
  const args = [process.execPath, '--liftoff-only', ...argumentsOf('main')]
  const server = `sh -c 'echo $$ > pid; exec ${args.map(argument => `"${argument}"`).join(' ')}'`
  const options = ['-qfc', shell.replace('$SERVER', () => server), '/dev/null']
  const env = { PORT: '0', SHELL: '/bin/sh', TERM: 'dumb' }
  const terminal = startProgram(t, 'script', options, { folder, env })
  const read = (file: string) =>
    existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8') : ''
  while (!read('pid').endsWith('\n')) await wait(20)
  const pid = Number(read('pid'))
  t.teardown(() => {
    if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  })
  return { terminal, pid, log: () => read('log') }
}

function isAlive(pid: number) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** Resolves to whether the process hasEnded within 10 seconds. */
async function hasEnded(pid: number) {
  for (let i = 0; i < 200 && isAlive(pid); i++) await wait(50)
  return !isAlive(pid)
}

t.test('a server hasEnded when its terminal is closed', { skip }, async t => {
  const { terminal, pid } = await startOnTerminal(t)
  await terminal.prints(/Server listening/)
  terminal.kill('SIGKILL')
  t.ok(await hasEnded(pid))
})

t.test('the log on a terminal shows the id of each request', { skip }, async t => {
  const { terminal } = await startOnTerminal(t)
  const [, url = ''] = await terminal.prints(/Server listening at (http:[^\s"]+)/)
  await fetch(`${url}/me`, { headers: { 'x-request-id': 'id-on-a-terminal' } })
  t.ok(await terminal.prints(/request completed .*"reqId":"id-on-a-terminal"/))
})

t.test(
  'a server that writes its log to a file shuts down cleanly when its terminal is closed',
  { skip },
  async t => {
    const { terminal, pid, log } = await startOnTerminal(t, '$SERVER > log 2>&1; true')
    while (!log().includes('Server listening')) await wait(50)
    terminal.kill('SIGKILL')
    t.ok(await hasEnded(pid))
    t.match(log(), /"msg":"the terminal was closed/)
    t.notMatch(log(), /"level":"(error|fatal)"/)
  }
)

t.test(
  'a background server, which gets no SIGHUP, hasEnded when its terminal is closed',
  { skip },
  async t => {
    const { terminal, pid } = await startOnTerminal(t, 'set -m; $SERVER & wait')
    await terminal.prints(/Server listening/)
    terminal.kill('SIGKILL')
    t.ok(await hasEnded(pid))
  }
)

t.test('a server hasEnded when its terminal is closed during startup', { skip }, async t => {
  const { terminal, pid } = await startOnTerminal(t)
  terminal.kill('SIGKILL')
  t.ok(await hasEnded(pid))
})

t.test('SIGHUP and SIGUSR2 do not stop a server on an open terminal', { skip }, async t => {
  const { terminal, pid } = await startOnTerminal(t)
  const [, url = ''] = await terminal.prints(/sms-login listens on (http:[\w.:/]+\d)/)
  for (const signal of ['SIGHUP', 'SIGUSR2'] as const) {
    process.kill(pid, signal)
    await terminal.prints(new RegExp(`${signal} is ignored`))
  }
  t.equal((await fetch(`${url}/livez`)).status, 200)
  process.kill(pid, 'SIGTERM')
  t.ok(await hasEnded(pid))
})

t.test('SIGHUP and SIGUSR2 do not stop a server without a terminal', async t => {
  const folder = t.testdir()
  await unpackDatabase(join(folder, 'data/pglite'))
  const server = await startServer(t, { folder, env: production('pglite:data/pglite') })
  for (const signal of ['SIGHUP', 'SIGUSR2', 'SIGHUP', 'SIGUSR2'] as const) {
    const { length } = server.printed()
    server.kill(signal)
    await server.prints(new RegExp(`${signal} is ignored`), length)
  }
  t.equal((await fetch(`${server.url}/livez`)).status, 200)
  server.kill('SIGTERM')
  t.match(await server.ended, { code: 0, stderr: '' })
})

t.test('SIGHUP and SIGUSR2 do not stop a server during startup', async t => {
  // A database that accepts connections and never responds delays the startup.
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  t.teardown(() => silent.close())
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const server = startProcess(t, 'main', {
    folder: t.testdir(),
    env: { PORT: '0', DATABASE_URL: `postgresql://x@127.0.0.1:${port}/x` }
  })
  await once(silent, 'connection')
  for (const signal of ['SIGHUP', 'SIGUSR2'] as const) {
    server.kill(signal)
    await wait(100)
  }
  server.kill('SIGKILL')
  t.match(await server.ended, { code: 'SIGKILL' })
})
