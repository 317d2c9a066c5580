import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Test } from 'tap'
import manifest from '../../package.json' with { type: 'json' }
import { twilioAccount } from './twilio-stand-in.ts'

/** A test or another object that runs clean-up functions. */
type Owner = Pick<Test, 'teardown'>

const scripts = {
  main: manifest.scripts.start,
  users: manifest.scripts.users,
  limits: manifest.scripts.limits,
  keys: manifest.scripts.keys,
  migrate: manifest.scripts.migrate
}
const dist = `${join(import.meta.dirname, '../../dist')}/`

/** The folder, environment and input of a program. It inherits only PATH. */
export type ProcessOptions = {
  folder: string
  env?: Record<string, string>
  input?: string | Buffer
}

const command = /^(?<settings>(?:\w+=\S+ )*)(?:exec )?node (?<args>.*)$/

/** Returns the arguments of `node` in a program's npm script, with absolute paths to dist/. */
export const argumentsOf = (program: keyof typeof scripts) =>
  (command.exec(scripts[program])?.groups?.['args'] ?? '')
    .split(' ')
    .map(argument => argument.replace(/^(\.\/)?dist\//, dist))

/** Returns the variables that a program's npm script sets. */
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
 * Starts one of the built programs with the arguments of its npm script, as users do. build.ts has
 * built it. tap's hooks for Node are left out unless they measure coverage. `--liftoff-only` halves
 * the time that it takes to compile the embedded PostgreSQL, as in .taprc.
 */
export const startProcess = (
  t: Owner,
  program: keyof typeof scripts,
  options: ProcessOptions,
  ...args: string[]
) =>
  startProgram(
    t,
    'env',
    [...withoutHooks, process.execPath, '--liftoff-only', ...argumentsOf(program), ...args],
    options
  )

/** Starts the server and resolves once it listens. */
export async function startServer(t: Owner, { env = {}, ...options }: ProcessOptions) {
  const server = startProcess(t, 'main', { ...options, env: { PORT: '0', ...env } })
  const [, url = ''] = await server.prints(/Server listening at (http:[^"]+)"/)
  return { ...server, url, ...createHttpClient(url) }
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
export function startProgram(
  t: Owner,
  program: string,
  args: string[],
  { folder, env = {}, input }: ProcessOptions
) {
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...env }
  })
  const ended = waitForEnd(child)
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
    /** Resolves to the exit code or signal and everything that was printed. */
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
     * Waits for this pattern in the output after the first `from` characters. Rejects if the
     * program ends without printing it.
     */
    async prints(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
      const failure = ended.then(({ code, stderr }) => {
        throw new Error(`ended (${code}) without printing ${pattern}: ${stderr}`)
      })
      failure.catch(() => {})
      while (true) {
        const found = pattern.exec(printed.slice(from))
        if (found !== null) return found
        await Promise.race([once(child.stdout, 'data'), failure])
      }
    }
  }
}

async function waitForEnd(child: ChildProcessWithoutNullStreams) {
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

/** Functions that send requests to a running service. */
export function createHttpClient(url: string) {
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
    refresh: (refreshToken: string) => post('/refresh', { refreshToken }),
    me: async (accessToken: string) =>
      read(await fetch(`${url}/me`, { headers: { authorization: `Bearer ${accessToken}` } })),
    jwks: async () => read(await fetch(`${url}/.well-known/jwks.json`))
  }
}

const read = async (response: Response): Promise<{ status: number; body: any }> => ({
  status: response.status,
  body: await response.json()
})

/** Returns the code in the newest message that a server has printed. */
export const printedCode = (printed: string) =>
  [...printed.matchAll(/NOT SENT.*\n(\d{6,8}) /g)].at(-1)?.[1] ?? 'no code'
