import { join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../src/adapters/postgres/database.ts'
import { createPasswords } from '../src/adapters/secrets/passwords.ts'
import { createUserDirectory } from '../src/adapters/stores/user-directory.ts'
import { unpackDatabase } from './support/database.ts'
import { ada } from './support/start-app.ts'
import { production, startServer } from './support/start-process.ts'
import {
  startTwilioStandIn,
  statusCallback,
  type CallbackChange
} from './support/twilio-stand-in.ts'

t.test('a server behind a proxy that ends TLS learns what becomes of its messages', async t => {
  const folder = t.testdir()
  const file = join(folder, 'data/pglite')
  await unpackDatabase(file)
  const { prisma, close } = await openDatabase(`pglite:${file}`)
  const passwords = createPasswords({ memoryKib: 1024, time: 1, concurrency: 1, queue: 1 })
  const passwordDigest = await passwords.hash(ada.password)
  const { username, phone } = ada
  await createUserDirectory(prisma).add({ username, phone, passwordDigest })
  await close()
  const twilio = await startTwilioStandIn(t)
  const { url, login, verify } = await startServer(t, {
    folder,
    env: {
      ...production('pglite:data/pglite', twilio.baseUrl),
      PUBLIC_URL: 'https://login.example/auth/',
      TWILIO_FEEDBACK: 'on'
    }
  })
  /** Reports the status of the message as a proxy forwards it that removes /auth. */
  const report = async (status: string, change: CallbackChange = {}) => {
    const [message] = twilio.messages
    if (message === undefined) throw new Error('no message was sent')
    const { url: target, headers, payload } = statusCallback(message, status, change)
    t.match(target, 'https://login.example/auth/twilio/status/')
    const response = await fetch(target.replace('https://login.example/auth', url), {
      method: 'POST',
      headers,
      body: payload
    })
    await response.text()
    return response.status
  }
  const { challengeToken } = (await login(username, ada.password)).body
  const delivery = async () => {
    const response = await fetch(`${url}/challenge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ challengeToken })
    })
    const { delivery } = (await response.json()) as { delivery: string }
    return delivery
  }
  t.equal(await delivery(), 'queued')
  t.equal(await report('undelivered', { authToken: 'forged', errorCode: 30006 }), 403)
  t.equal(await report('sent'), 204)
  t.equal(await delivery(), 'sent')
  t.equal(await report('delivered'), 204)
  t.equal(await report('sent'), 204)
  t.equal(await delivery(), 'delivered')
  t.equal((await verify(challengeToken, twilio.lastCode())).status, 200)
  while (twilio.feedback.length === 0) await new Promise(resolve => setTimeout(resolve, 10))
  t.same(twilio.feedback, [twilio.messages[0]?.sid])
})
