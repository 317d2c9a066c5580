import t from 'tap'
import { noPostgresWithTls, startPostgresWithTls } from '../support/postgres-with-tls.ts'
import { startProcess } from '../support/start-process.ts'

t.test(
  'commands verify the certificate of the database server',
  { skip: noPostgresWithTls },
  async t => {
    const { url, ca, otherCa } = await startPostgresWithTls(t)
    const run = (program: 'migrate' | 'users', query: string, ...args: string[]) =>
      startProcess(
        t,
        program,
        { folder: t.testdir(), env: { DATABASE_URL: `${url}?${query}` } },
        ...args
      ).ended
    const databaseLine = /^Database: postgresql:\/\/localhost:\d+\/postgres\n$/

    t.match(await run('migrate', `sslmode=require&sslrootcert=${ca}`), {
      code: 0,
      stdout: /^applied /,
      stderr: databaseLine
    })
    for (const mode of ['verify-ca', 'verify-full'])
      t.match(await run('users', `sslmode=${mode}&sslrootcert=${ca}`, 'list'), {
        code: 0,
        stdout: 'There are no users yet.\n',
        stderr: databaseLine
      })
    t.match(await run('users', 'sslmode=no-verify', 'list'), { code: 0, stderr: databaseLine })

    for (const query of [`sslmode=verify-full&sslrootcert=${otherCa}`, 'sslmode=require'])
      t.match(await run('migrate', query), {
        code: 1,
        stdout: '',
        stderr:
          /^migrate: [^\n]*certificate: check the certificate of the server, and sslmode and .*\n$/
      })
    t.match(await run('migrate', 'sslmode=disable'), { code: 1, stdout: '', stderr: /^[^\n]+\n$/ })
  }
)
