import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { freePort } from '../../src/runtime/free-port.ts'
import { unpackDatabase } from '../support/database.ts'
import {
  createHttpClient,
  production,
  startServer,
  startProgram,
  argumentsOf
} from '../support/start-process.ts'

t.test(
  'the service runs and shuts down cleanly while the disk of its log is full',
  { skip: !existsSync('/dev/full') },
  async t => {
    const folder = t.testdir()
    await unpackDatabase(join(folder, 'data/pglite'))
    // The test cannot read the server's port from its log.
    const port = String(await freePort('127.0.0.1', 0))
    const server = startProgram(
      t,
      'sh',
      [
        '-c',
        'exec "$@" > /dev/full',
        'sh',
        'env',
        '-u',
        'NODE_OPTIONS',
        process.execPath,
        '--liftoff-only',
        ...argumentsOf('main')
      ],
      { folder, env: { ...production('pglite:data/pglite'), PORT: port } }
    )
    const { login, jwks } = createHttpClient(`http://127.0.0.1:${port}`)
    while (
      await jwks().then(
        () => false,
        () => true
      )
    )
      await sleep(50)
    t.match(await login('unknown', 'no password'), { status: 401 })
    server.kill('SIGTERM')
    t.same(await server.ended, {
      code: 0,
      stdout: '',
      stderr:
        "sms-login can't write its log and continues without it: " +
        'ENOSPC: no space left on device, write\n'
    })
  }
)

t.test('kill -9 loses only the last lines of the log, and SIGTERM none', async t => {
  const folder = t.testdir()
  await unpackDatabase(join(folder, 'data/pglite'))
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    const server = await startServer(t, { folder, env: production('pglite:data/pglite') })
    t.match(await server.login('nobody', 'no password'), { status: 401 })
    if (signal === 'SIGKILL') await sleep(300)
    server.kill(signal)
    const { stdout } = await server.ended
    t.match(stdout, /"event":"password.rejected".*\n.*"msg":"request completed"/, signal)
  }
})
