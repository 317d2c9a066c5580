import t, { type Test } from 'tap'
import { ada, slugOf, startApp, type StartOptions } from '../support/start-app.ts'

const json = 'application/json'
const body = JSON.stringify({ username: 'ada', password: 'a guess' })
type SentRequest = { headers: Record<string, string>; payload: string }

/** Requests that a page of another site can make browsers send. */
const foreign: Record<string, SentRequest> = {
  'a text/plain body': { headers: { 'content-type': 'text/plain' }, payload: body },
  'a form': {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'username=ada'
  },
  'a multipart form': {
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    payload: '--x--'
  },
  'a type that only starts like JSON': {
    headers: { 'content-type': 'application/jsonp' },
    payload: body
  },
  'no content type': { headers: {}, payload: '' },
  'an invalid type': { headers: { 'content-type': 'json' }, payload: body },
  'another site': {
    headers: {
      'content-type': json,
      origin: 'https://evil.example',
      'sec-fetch-site': 'cross-site'
    },
    payload: body
  },
  'another site of the same domain': {
    headers: {
      'content-type': json,
      origin: 'https://b.login.example',
      'sec-fetch-site': 'same-site'
    },
    payload: body
  },
  'another site in an old browser': {
    headers: { 'content-type': json, origin: 'https://evil.example' },
    payload: body
  },
  'a sandboxed page': { headers: { 'content-type': json, origin: 'null' }, payload: body }
}

for (const [name, sent] of Object.entries(foreign)) {
  t.test(`cross-site POSTs with ${name} leave the page its full request limit`, async t => {
    const { app, login } = await startLimited(t)
    for (const url of ['/login', '/verify', '/refresh'])
      for (let n = 0; n < 4; n++) await app.inject({ method: 'POST', url, ...sent })
    for (let n = 0; n < 6; n++)
      t.not((await login({ ...ada, password: 'wrong horse' })).json().reason, 'requests')
    t.match((await login()).json(), { status: 429, reason: 'requests' })
  })
}

t.test('cross-site POSTs have a limit of their own', async t => {
  const { app } = await startLimited(t)
  const { 'a text/plain body': sent } = foreign
  const responses = []
  for (let n = 0; n < 7; n++)
    responses.push(slugOf(await app.inject({ method: 'POST', url: '/login', ...sent })))
  t.same(responses, [...Array(6).fill('unsupported-media-type'), 'too-many-attempts'])
})

const trusted: Record<string, Record<string, string>> = {
  'no browser': {},
  'a charset': { 'content-type': 'application/json; charset=utf-8' },
  'the same origin': { origin: 'https://login.example', 'sec-fetch-site': 'same-origin' },
  'a user who typed the URL': { 'sec-fetch-site': 'none' },
  'an origin in CORS_ORIGINS': { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' },
  'the same origin in an old browser': { origin: 'https://login.example' }
}
for (const [name, headers] of Object.entries(trusted)) {
  t.test(`requests from ${name} share one limit`, async t => {
    const { app, login } = await startLimited(t, { corsOrigins: ['https://app.example'] })
    for (let n = 0; n < 6; n++)
      await app.inject({
        method: 'POST',
        url: '/login',
        headers: { host: 'login.example', 'content-type': json, ...headers },
        payload: '{'
      })
    t.match((await login()).json(), { status: 429, reason: 'requests' })
  })
}

function startLimited(t: Test, options: StartOptions = {}) {
  return startApp(t, { limits: { requests: 6 }, ...options })
}
