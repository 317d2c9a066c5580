import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Test } from 'tap'
import manifest from '../../package.json' with { type: 'json' }
import { twilioAccount } from './twilio-stand-in.ts'

/** A test, or another owner that runs the clean-up. */
type Owner = Pick<Test, 'teardown'>

const scripts = {
  main: manifest.scripts.start,
  users: manifest.scripts.users,
  keys: manifest.scripts.keys,
  migrate: manifest.scripts.migrate
}
const dist = `${join(import.meta.dirname, '../../dist')}/`

/** The folder and the environment of a program. It inherits no other variables but PATH.
 */
export type Where = { folder: string; env?: Record<string, string>; input?: string | Buffer }

const command = /^(?<settings>(?:\w+=\S+ )*)(?:exec )?node (?<words>.*)$/

/** The arguments of `node` in a program's npm script, for the built files. */
export const wordsOf = (program: keyof typeof scripts) =>
  (command.exec(scripts[program])?.groups?.['words'] ?? '')
    .split(' ')
    .map(word => word.replace(/^(\.\/)?dist\//, dist))

/** The variables that the npm script sets. */
export const settingsOf = (program: keyof typeof scripts): Record<string, string> =>
  Object.fromEntries(
    (command.exec(scripts[program])?.groups?.['settings'] ?? '')
      .trim()
      .split(' ')
      .filter(Boolean)
      .map(setting => setting.split('='))
  )

/** tap sets this variable for its test files when it measures coverage. */
const measured = process.env['_TAPJS_PROCESSINFO_COVERAGE_'] === '1'
const withoutHooks = measured ? [] : ['-u', 'NODE_OPTIONS']

/**
 * Starts one of the programs as users do: with the words of its npm script, built, which build.ts
 * has just seen to. tap's hooks for Node are left out, unless they measure coverage. The switch, as
 * in .taprc, halves the time in which the embedded PostgreSQL is compiled.
 */
export const startProcess = (
  t: Owner,
  program: keyof typeof scripts,
  where: Where,
  ...words: string[]
) =>
  watch(
    t,
    'env',
    [...withoutHooks, process.execPath, '--liftoff-only', ...wordsOf(program), ...words],
    where
  )

/** Starts the server and resolves once it listens. */
export async function startServer(t: Owner, { env = {}, ...where }: Where) {
  const server = startProcess(t, 'main', { ...where, env: { PORT: '0', ...env } })
  const [, url = ''] = await server.prints(/Server listening at (http:[^"]+)"/)
  return { ...server, url, ...callsTo(url) }
}

/** The variables that production requires. */
export const production = (databaseUrl: string, twilioUrl = 'http://127.0.0.1:1') => ({
  NODE_ENV: 'production',
  DATABASE_URL: databaseUrl,
  SECRET: secret,
  JWT_PRIVATE_KEY: pem,
  SMS_COUNTRIES: 'US',
  TWILIO_ACCOUNT_SID: twilioAccount.accountSid,
  TWILIO_AUTH_TOKEN: twilioAccount.authToken,
  TWILIO_FROM: '+15005550006',
  TWILIO_BASE_URL: twilioUrl
})
const secret = randomBytes(32).toString('hex')
const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ format: 'pem', type: 'pkcs8' })
  .toString()

/** Starts any program. It is killed at the end of the test. */
export function watch(
  t: Owner,
  program: string,
  words: string[],
  { folder, env = {}, input }: Where
) {
  const child = spawn(program, words, {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env }
  })
  const ended = end(child)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  child.stdin.on('error', () => {}) // The program may have exited without reading.
  if (input !== undefined) child.stdin.end(input)
  let printed = ''
  child.stdout.on('data', text => {
    printed += text
  })

  return {
    /** Resolves to the exit code or signal with everything that was printed. */
    ended,
    pid: child.pid,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    type: (line: string) => {
      child.stdin.write(`${line}\n`)
    },
    press: (keys: string) => {
      child.stdin.write(keys)
    },
    printed: () => printed,
    /**
     * Waits for this in what has been printed since `from`. Rejects when the program ends without
     * it.
     */
    async prints(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
      const over = ended.then(({ code, stderr }) => {
        throw new Error(`ended (${code}) without printing ${pattern}: ${stderr}`)
      })
      over.catch(() => {})
      while (true) {
        const found = pattern.exec(printed.slice(from))
        if (found !== null) return found
        await Promise.race([once(child.stdout, 'data'), over])
      }
    }
  }
}

async function end(child: ChildProcessWithoutNullStreams) {
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', text => {
    stdout += text
  })
  child.stderr.on('data', text => {
    stderr += text
  })
  const [code, signal]: (number | string | null)[] = await once(child, 'close')
  return { code: code ?? signal, stdout, stderr }
}

/** Calls to a running service. */
export function callsTo(url: string) {
  const post = async (path: string, body: object) => {
    return read(
      await fetch(`${url}${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' }
      })
    )
  }
  return {
    login: (username: string, password: string) => post('/login', { username, password }),
    verify: (challengeToken: string, code: string) => post('/verify', { challengeToken, code }),
    me: async (accessToken: string) =>
      read(await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })),
    jwks: async () => read(await fetch(`${url}/.well-known/jwks.json`))
  }
}

const read = async (answer: Response): Promise<{ status: number; body: any }> => ({
  status: answer.status,
  body: await answer.json()
})

/** The code in the newest message that a server has printed. */
export const shownCode = (printed: string) =>
  [...printed.matchAll(/NOT SENT.*\n(\d{6,8}) /g)].at(-1)?.[1] ?? 'no code'
