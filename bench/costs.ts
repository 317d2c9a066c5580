import { atOnce, type Bench } from './bench.ts'
import { expectOk, type Answer } from './client.ts'
import { closedLoop, forEach } from './loops.ts'
import type { Person } from './people.ts'
import { cpuOf } from './server.ts'
import { median, times } from './statistics.ts'

/** CPU of the server for each kind of request, alone, and how long each takes when nothing else is going on. */
export async function measureCosts ({ sizes, database, phones, startServer, rawSlice, progress }: Bench) {
  const server = await startServer()
  const { client } = server
  const logIn = async () => {
    const person = database.next()
    return { person, challengeToken: expectOk(await client.login(person)).body['challengeToken'] }
  }

  const logins = []
  const pending: Pending[] = []
  // What the first requests compile is no part of what a request costs.
  await forEach(await forEach(Array(40).fill(0), atOnce, logIn), 1, ({ person, challengeToken }) => client.verify(person, challengeToken, phones.codeOf(person.phone)))
  let before = await rawSlice()
  for (let round = 1; round <= sizes.costRounds; round++) {
    progress(`cost of a login, ${round} of ${sizes.costRounds}`)
    const { cpu, done } = await cpuOf(server, () => closedLoop(atOnce, { ms: sizes.costMs, settle: 0 }, logIn))
    const after = await rawSlice()
    const hash = (before.cpuPerHash + after.cpuPerHash) / 2
    logins.push({ cpu: cpu.all / done.total, loop: cpu.loop / done.total, hash, beyondHash: cpu.all / done.total - hash })
    pending.push(...done.results)
    before = after
  }

  progress('cost of a verify, a refresh and a /me')
  const ask = (request: (pending: Pending) => Promise<Answer>, of: Pending[]) => cpuOf(server, () =>
    forEach(of, 1, async one => ({ ...one, answer: expectOk(await request(one)) })))
  const verifies = await ask(({ person, challengeToken }) => client.verify(person, challengeToken, phones.codeOf(person.phone)), pending)
  const refreshes = await ask(({ person, answer }) => client.refresh(person, answer?.body['refreshToken']), verifies.done)
  const mes = await ask(({ person, answer }) => client.me(person, answer?.body['accessToken']), refreshes.done)
  await server.stop()

  return {
    login: {
      cpu: median(logins.map(({ cpu }) => cpu)),
      cpuOfHash: median(logins.map(({ hash }) => hash)),
      cpuBeyondHash: median(logins.map(({ beyondHash }) => beyondHash)),
      cpuOfEventLoop: median(logins.map(({ loop }) => loop)),
      rounds: logins
    },
    verify: perRequest(verifies),
    refresh: perRequest(refreshes),
    me: perRequest(mes)
  }
}

/** Somebody who is half or wholly in, with the answer that got them there. */
type Pending = { person: Person, challengeToken: string | undefined, answer?: Answer }

const perRequest = ({ cpu, done }: { cpu: { all: number }, done: { answer: Answer }[] }) =>
  ({ cpu: cpu.all / done.length, atRest: times(done.map(({ answer }) => answer.ms)) })
