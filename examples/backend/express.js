// A backend in Express. docs/backends.md explains it.
//
//   SMS_LOGIN_API_KEY=sms-login_… node examples/backend/express.js

import express from 'express'
import { createUserReader, requireRole } from './access-tokens.js'
import { createMembers } from './members.js'
import { responseTo } from './refusal.js'
import { settings } from './settings.js'

const users = createUserReader(settings)
const members = createMembers(settings)
const app = express().disable('x-powered-by')

/** Lets users with this role pass. They are in `request.user`. */
const allow = (readUser, role) => async (request, _response, next) => {
  request.user = await readUser(request.get('authorization'))
  if (role !== undefined) requireRole(request.user, role)
  next()
}

app.get('/profile', allow(users.fromToken), (request, response) => {
  response.json(request.user)
})

app.get('/reports', allow(users.fromToken, 'auditor'), (_request, response) => {
  response.json({ reports: [] })
})

// The body is read only after the caller has been identified.
app.post(
  '/members',
  allow(users.fromSession, 'admin'),
  express.json({ limit: '16kb' }),
  async (request, response) => {
    response.status(201).json({ id: await members.add(request.body) })
  }
)

// Express recognizes an error handler by its four parameters.
app.use((error, _request, response, next) => {
  if (response.headersSent) return next(error)
  const { statusCode, headers, body } = responseTo(error)
  if (statusCode >= 500) console.error(error)
  response.status(statusCode).set(headers).json(body)
})

const server = app.listen(settings.port, '127.0.0.1', () => {
  console.log(`Backend at http://127.0.0.1:${server.address().port}`)
})
