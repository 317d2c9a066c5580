// The backend of express.js in Fastify. docs/backends.md explains it.
//
//   SMS_LOGIN_API_KEY=sms-login_… node examples/backend/fastify.js

import fastify from 'fastify'
import { createUserReader, requireRole } from './access-tokens.js'
import { createMembers } from './members.js'
import { responseTo } from './refusal.js'
import { settings } from './settings.js'

const users = createUserReader(settings)
const members = createMembers(settings)
const app = fastify({ bodyLimit: 16 * 1024 })

app.decorateRequest('user', null)

/** Lets users with this role pass. They are in `request.user`. */
const allow = (readUser, role) => async request => {
  request.user = await readUser(request.headers.authorization)
  if (role !== undefined) requireRole(request.user, role)
}

app.get('/profile', { onRequest: allow(users.fromToken) }, async request => request.user)

app.get('/reports', { onRequest: allow(users.fromToken, 'auditor') }, async () => ({
  reports: []
}))

// The body is read only after the caller has been identified.
app.post('/members', { onRequest: allow(users.fromSession, 'admin') }, async (request, reply) => {
  reply.code(201)
  return { id: await members.add(request.body) }
})

app.setErrorHandler((error, _request, reply) => {
  const { statusCode, headers, body } = responseTo(error)
  if (statusCode >= 500) console.error(error)
  return reply.code(statusCode).headers(headers).send(body)
})

const url = await app.listen({ port: settings.port, host: '127.0.0.1' })
console.log(`Backend at ${url}`)
