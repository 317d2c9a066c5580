import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { settingsOf, argumentsOf } from '../test/support/start-process.ts'
import { twilioAccount } from '../test/support/twilio-stand-in.ts'
import { createClient, type Client } from './client.ts'
import { onServerCore, type Cores } from './cores.ts'
import { freePort } from './postgres.ts'

export type Server = {
  client: Client
  /**
   * The CPU time so far of all threads and of the event loop's thread, in milliseconds. Undefined
   * without /proc.
   */
  cpu: () => { all: number; loop: number } | undefined
  /** In MiB. */
  memory: () => number | undefined
  port: number
  /** In MiB. */
  peakMemory: () => number | undefined
  /** Milliseconds from the start of the process to its first response. */
  startedIn: number
  stop: () => Promise<void>
}

/** The variables that production requires. */
const settings = {
  NODE_ENV: 'production',
  SECRET: randomBytes(32).toString('hex'),
  JWT_PRIVATE_KEY: generateKeyPairSync('ec', { namedCurve: 'P-256' })
    .privateKey.export({ format: 'pem', type: 'pkcs8' })
    .toString(),
  JWT_ISSUER: 'https://login.example.com',
  TWILIO_ACCOUNT_SID: twilioAccount.accountSid,
  TWILIO_AUTH_TOKEN: twilioAccount.authToken,
  TWILIO_FROM: '+15005550006'
}

/** All rate limits are on, but these are too high for the benchmark to reach. */
export const limits = {
  SMS_COUNTRIES: 'US',
  TRUST_PROXY: '127.0.0.1',
  LIMIT_TEXTS_PER_COUNTRY_HOUR: '1000000',
  LIMIT_TEXTS_PER_HOUR: '1000000',
  LIMIT_READS_PER_SESSION_MINUTE: '1000000',
  LIMIT_READS_PER_IP_MINUTE: '1000000'
}

/** The variables of this process that apply to the server, so that settings can be compared. */
export const tuning = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => name.startsWith('ARGON2_') || name === 'UV_THREADPOOL_SIZE'
  )
)

export type ServerOptions = {
  cores: Cores
  folder: string
  env: Record<string, string>
  flags?: string[]
}

/** Starts a production server on its core, like `npm start`. Resolves after its first response. */
export const startProduction = (options: ServerOptions, databaseUrl: string, twilioUrl: string) =>
  startServer({
    ...options,
    env: {
      ...settings,
      ...limits,
      ...tuning,
      DATABASE_URL: databaseUrl,
      TWILIO_BASE_URL: twilioUrl,
      ...options.env
    }
  })

/** Starts a server on its core with only this environment. Resolves after its first response. */
export async function startServer({
  cores,
  folder,
  env,
  flags = []
}: ServerOptions): Promise<Server> {
  const port = await freePort()
  const file = join(mkdtempSync(join(folder, 'server-')), 'log')
  const log = openSync(file, 'a')
  const [command = '', ...args] = onServerCore(cores, [
    process.execPath,
    ...flags,
    ...argumentsOf('main')
  ])
  const started = performance.now()
  // In its own process group, so that Ctrl-C reaches only the benchmark, which then stops it. The
  // folder contains its embedded database, if any.
  const child = spawn(command, args, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'], PORT: String(port), ...settingsOf('main'), ...env }
  })
  const ended = once(child, 'exit')
  const pid = child.pid ?? 0
  const stop = async () => {
    await client.close()
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
    await ended
    clearTimeout(timer)
  }
  const client = createClient(`http://127.0.0.1:${port}`)
  while (
    !(await client.get('/readyz').then(
      ({ status }) => status === 200,
      () => false
    ))
  ) {
    if (child.exitCode !== null || performance.now() - started > 30_000) {
      await stop()
      throw new Error(
        `the server doesn't start: ${readFileSync(file, 'utf8').trim().split('\n').at(-1)}`
      )
    }
    await sleep(2)
  }
  return {
    client,
    cpu: () => cpuSoFar(pid),
    memory: () => memoryOf(pid, 'VmRSS'),
    port,
    peakMemory: () => memoryOf(pid, 'VmHWM'),
    startedIn: performance.now() - started,
    stop
  }
}

/** Measures the server's CPU time during `work` in milliseconds. NaN if it can't be read. */
export async function cpuOf<T>(
  server: Server,
  work: () => Promise<T>
): Promise<{ cpu: { all: number; loop: number }; done: T }> {
  const before = server.cpu()
  const done = await work()
  const after = server.cpu()
  const difference = (of: 'all' | 'loop') => (after?.[of] ?? NaN) - (before?.[of] ?? NaN)
  return { cpu: { all: difference('all'), loop: difference('loop') }, done }
}

function cpuSoFar(pid: number) {
  try {
    // The first number in a thread's schedstat is its CPU time in nanoseconds. The event loop's
    // thread has the process id.
    const threads = readdirSync(`/proc/${pid}/task`).map(thread => ({
      thread,
      ms: Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6
    }))
    return {
      all: threads.reduce((sum, { ms }) => sum + ms, 0),
      loop: threads.find(({ thread }) => thread === String(pid))?.ms ?? 0
    }
  } catch {
    return undefined
  }
}

function memoryOf(pid: number, of: 'VmRSS' | 'VmHWM') {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Math.round(Number(new RegExp(`^${of}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024)
  } catch {
    return undefined
  }
}
