import { setTimeout as sleep } from 'node:timers/promises'
import { openStatementCounter } from '../test/support/statement-counter.ts'
import type { Bench } from './bench.ts'
import { expectOk, type Answer } from './client.ts'
import type { BenchDatabase } from './database.ts'
import { median } from './statistics.ts'

/** Seconds after which another text may go out: short, so that nobody has to wait for long to be sent one again. */
const cooldown = 1
/** More than one, because looks at what other instances have counted come in between, each second and five. */
const rounds = 3

/** Statements for each kind of request, as they pass on the wire, with all budgets on. */
export async function countStatements ({ phones, startServer, progress }: Bench, { url, next, count }: BenchDatabase) {
  progress(`statements, with ${count.toLocaleString('en')} people`)
  const counter = await openStatementCounter(url)
  const { client, stop } = await startServer({ RESEND_COOLDOWN: String(cooldown) }, counter.url)
  const counts = { login: [], loginWhileFresh: [], resend: [], verify: [], refresh: [], me: [] } as Record<'login' | 'loginWhileFresh' | 'resend' | 'verify' | 'refresh' | 'me', number[]>
  const counted = async (kind: keyof typeof counts, request: () => Promise<Answer>) => {
    counter.take()
    const { body } = expectOk(await request())
    await sleep(10) // What is sent after the answer counts as well.
    counts[kind].push(counter.take())
    return body
  }

  for (let round = 0; round < rounds; round++) {
    const person = next()
    await counted('login', () => client.login(person))
    const { challengeToken } = await counted('loginWhileFresh', () => client.login(person))
    await sleep(cooldown * 1000 + 50)
    await counted('resend', () => client.resend(person, challengeToken))
    const { refreshToken } = await counted('verify', () => client.verify(person, challengeToken, phones.codeOf(person.phone)))
    const { accessToken } = await counted('refresh', () => client.refresh(person, refreshToken))
    await counted('me', () => client.me(person, accessToken))
  }
  await stop()
  counter.close()
  return { login: median(counts.login), loginWhileFresh: median(counts.loginWhileFresh), resend: median(counts.resend), verify: median(counts.verify), refresh: median(counts.refresh), me: median(counts.me) }
}
