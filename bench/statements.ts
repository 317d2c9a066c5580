import { setTimeout as sleep } from 'node:timers/promises'
import { createStatementCounter } from '../test/support/statement-counter.ts'
import type { Bench } from './bench.ts'
import { expectOk, type TimedResponse } from './client.ts'
import type { BenchDatabase } from './database.ts'
import { median } from './statistics.ts'

/** Seconds between two messages, so that the resend needs no long wait. */
const cooldown = 1
/** More than one, because some rounds include periodic statements of the server. */
const rounds = 3

/** Counts the statements of each kind of request on the connections, with all rate limits on. */
export async function countStatements(
  { phones, startServer, progress }: Bench,
  { url, next, count }: BenchDatabase
) {
  progress(`statements, with ${count.toLocaleString('en')} users`)
  const counter = await createStatementCounter(url)
  const { client, stop } = await startServer({ RESEND_COOLDOWN: String(cooldown) }, counter.url)
  const counts = {
    login: [],
    loginWhileFresh: [],
    resend: [],
    verify: [],
    refresh: [],
    me: []
  } as Record<'login' | 'loginWhileFresh' | 'resend' | 'verify' | 'refresh' | 'me', number[]>
  const counted = async (kind: keyof typeof counts, request: () => Promise<TimedResponse>) => {
    counter.take()
    const { body } = expectOk(await request())
    await sleep(10) // Includes the statements that are sent after the response.
    counts[kind].push(counter.take())
    return body
  }

  for (let round = 0; round < rounds; round++) {
    const user = next()
    await counted('login', () => client.login(user))
    const { challengeToken } = await counted('loginWhileFresh', () => client.login(user))
    await sleep(cooldown * 1000 + 50)
    await counted('resend', () => client.resend(user, challengeToken))
    const { refreshToken } = await counted('verify', () =>
      client.verify(user, challengeToken, phones.codeOf(user.phone))
    )
    const { accessToken } = await counted('refresh', () => client.refresh(user, refreshToken))
    await counted('me', () => client.me(user, accessToken))
  }
  await stop()
  counter.close()
  return {
    login: median(counts.login),
    loginWhileFresh: median(counts.loginWhileFresh),
    resend: median(counts.resend),
    verify: median(counts.verify),
    refresh: median(counts.refresh),
    me: median(counts.me)
  }
}
