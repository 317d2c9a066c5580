import { setMaxListeners } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import argon2 from 'argon2'
import { expectOk, flow, type TimedResponse } from './client.ts'
import { createBenchDatabase, type BenchDatabase } from './database.ts'
import { password } from './users.ts'
import { startPhones, type Phones } from './phones.ts'
import { findPostgres } from './postgres.ts'
import { runAlone } from './run-alone.ts'
import { startProduction, type Server } from './server.ts'

// `npm run bench:attacks` floods a server on 127.0.0.1 in three ways while other clients log in. It
// prints how many of their requests failed and how much memory the server used before and after.
// Exit code 1 means that a request of another client failed.

const attackMs = 20_000
const settleMs = 5_000
const deadlineMs = 240_000

type Target = { port: number; server: Server; phones: Phones; database: BenchDatabase }
type Attack = (target: Target, end: AbortSignal) => Promise<void>

const attacks: Record<string, Attack> = {
  '8 × 1,024 pipelined GET /readyz': async ({ port }, end) => {
    const burst = request('/readyz').repeat(1024)
    while (!end.aborted)
      await Promise.all(Array.from({ length: 8 }, () => pipeline(port, burst, 1024, end)))
  },
  '60 connections that never read responses': async ({ port }, end) => {
    const burst = request('/readyz').repeat(1000)
    await Promise.all(
      Array.from({ length: 60 }, async () => {
        const socket = open(port)
        socket.pause()
        while (!end.aborted && !socket.destroyed) {
          if (!socket.write(burst)) await waitForDrain(socket, end)
        }
        socket.destroy()
      })
    )
  },
  '10,000 pipelined GET /sessions of one user': async (target, end) => {
    const { port, server, phones, database } = target
    const { verify } = await flow(server.client, phones, database.next())
    const { accessToken } = expectOk(verify).body
    const sessions = request('/sessions', `Authorization: Bearer ${accessToken}\r\n`)
    while (!end.aborted) await pipeline(port, sessions.repeat(10_000), 10_000, end)
  }
}

const request = (path: string, headers = '') =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: 203.0.113.9\r\n${headers}\r\n`

function open(port: number): Socket {
  return connect(port, '127.0.0.1').on('error', () => {})
}

/** Sends these requests at once and reads until all responses have arrived. */
async function pipeline(port: number, requests: string, count: number, end: AbortSignal) {
  const socket = open(port)
  let responses = 0
  let rest = ''
  const completed = new Promise<void>(resolve => {
    socket.setEncoding('latin1').on('data', (text: string) => {
      const parts = (rest + text).split('HTTP/1.1 ')
      responses += parts.length - 1
      rest = text.slice(-8)
      if (rest.includes('HTTP/1.1')) rest = ''
      if (responses >= count) resolve()
    })
    socket.once('close', () => resolve())
    end.addEventListener('abort', () => resolve(), { once: true })
  })
  socket.write(requests)
  await completed
  socket.destroy()
}

const waitForDrain = (socket: Socket, end: AbortSignal) =>
  new Promise<void>(resolve => {
    for (const event of ['drain', 'close']) socket.once(event, () => resolve())
    end.addEventListener('abort', () => resolve(), { once: true })
  })

/** Logs other users in from their own addresses, refreshes their tokens and probes readiness. */
async function serveOthers({ server, phones, database }: Target, end: AbortSignal) {
  const { client } = server
  const outcome = { requests: 0, failures: [] as string[], slowestMs: 0 }
  const record = (path: string, response: TimedResponse | undefined) => {
    if (response === undefined) return
    outcome.requests++
    outcome.slowestMs = Math.max(outcome.slowestMs, response.ms)
    if (response.status !== 200)
      outcome.failures.push(`${path}: ${response.status} ${response.body['title']}`)
  }
  const logInOnce = async () => {
    const user = database.next()
    const { login, verify } = await flow(client, phones, user)
    record('/login', login)
    record('/verify', verify)
    const [me, ready, refresh] = await Promise.all([
      client.me(user, verify?.body['accessToken']),
      client.get('/readyz'),
      client.refresh(user, verify?.body['refreshToken'])
    ])
    record('/me', me)
    record('/readyz', ready)
    record('/refresh', refresh)
  }
  const loop = async () => {
    while (!end.aborted) {
      await logInOnce()
      await sleep(200)
    }
  }
  await Promise.all([loop(), loop(), loop()])
  return outcome
}

await runAlone('bench:attacks', deadlineMs, async (folder, atEnd) => {
  const postgres = await findPostgres(folder)
  atEnd(postgres.stop)
  const digest = await argon2.hash(password, {
    type: argon2.argon2id,
    memoryCost: 19456,
    timeCost: 2,
    parallelism: 1
  })
  const database = await createBenchDatabase(postgres.url, 5000, digest)
  atEnd(database.drop)
  const phones = await startPhones()
  atEnd(phones.close)
  console.log('attack | failed requests of others | their slowest | memory before | after | peak')
  let failed = 0
  for (const [name, attack] of Object.entries(attacks)) {
    // Each attack has its own server, so that the memory belongs to this attack alone.
    const server = await startProduction(
      {
        cores: { server: null, why: 'not pinned' },
        folder,
        env: {
          LOG_LEVEL: 'fatal',
          LIMIT_READS_PER_SESSION_MINUTE: '600',
          LIMIT_READS_PER_IP_MINUTE: '6000'
        },
        flags: ['--max-old-space-size=256']
      },
      database.url,
      phones.url
    )
    atEnd(server.stop)
    const target = { port: server.port, server, phones, database }
    await serveOthers(target, AbortSignal.timeout(settleMs))
    const before = server.memory()
    const end = AbortSignal.timeout(attackMs)
    setMaxListeners(0, end)
    const [{ requests, failures, slowestMs }] = await Promise.all([
      serveOthers(target, end),
      attack(target, end)
    ])
    await sleep(settleMs)
    console.log(
      [
        name,
        `${failures.length} of ${requests}`,
        `${Math.round(slowestMs)} ms`,
        `${before} MiB`,
        `${server.memory()} MiB`,
        `${server.peakMemory()} MiB`
      ].join(' | ')
    )
    for (const failure of new Set(failures)) console.log(`  ${failure}`)
    failed += failures.length
    await server.stop()
  }
  return failed === 0 ? 0 : 1
})
