import { join } from 'node:path'
import t from 'tap'
import { unpackDatabase } from '../support/database.ts'
import { startProcess, startServer } from '../support/start-process.ts'

// A server has the embedded database open, and the commands use it through the server.
const folder = t.testdir()
const env = { LIMIT_IP_PER_MINUTE: '2' }
await unpackDatabase(join(folder, 'data/pglite'))
const server = await startServer(t, { folder, env })
const databaseLine = `Database: pglite:${join(folder, 'data/pglite')}\n`
const limits = (...args: string[]) => startProcess(t, 'limits', { folder, env }, ...args).ended

t.test('show and clear work beside a running server, name the database and log', async t => {
  for (let n = 0; n < 2; n++) t.match(await server.login('nobody', 'wrong horse'), { status: 401 })
  t.match(await server.login('nobody', 'wrong horse'), { status: 429 })
  t.match(await limits('show', 'ip', '127.0.0.1'), {
    code: 0,
    stdout: /\n\nip 127\.0\.0\.1 is refused until 20.*Z: requests\.\n$/,
    stderr: databaseLine
  })
  const { code, stdout, stderr } = await limits('clear', 'ip', '127.0.0.1')
  t.match({ code, stdout }, { code: 0, stdout: /^Reset rate limit requests\.$/m })
  t.ok(stderr.endsWith(databaseLine))
  t.match(JSON.parse(stderr.split('\n')[0] ?? ''), {
    event: 'limits.cleared',
    actor: 'operator',
    subject: 'ip 127.0.0.1'
  })
  t.match(JSON.parse((await limits('show', 'ip', '127.0.0.1', '--json')).stdout), {
    of: 'ip 127.0.0.1',
    limits: [{ name: 'requests', count: 0, max: 2, variable: 'LIMIT_IP_PER_MINUTE' }, {}, {}]
  })
})

t.test('a refused command prints one line and exits 1, and wrong usage exits 2', async t => {
  for (const [code, line, ...args] of [
    [1, /^203\.0\.113 is not an IP address like/, 'show', 'ip', '203.0.113'],
    [1, /^ZZ is not a country code/, 'clear', 'country', 'ZZ'],
    [2, /^Name country GB, ip 203/, 'show', 'country'],
    [2, /^Name country GB, ip 203/, 'clear', 'total', 'GB'],
    [2, /^Usage: npm run limits -- <command>/, 'show'],
    [2, /^Usage: npm run limits -- <command>/]
  ] as const) {
    const ended = await limits(...args)
    t.match(ended, { code, stdout: '', stderr: line }, args.join(' '))
    if (!String(line).includes('Usage')) t.equal(ended.stderr.split('\n').length, 2)
  }
})
