import { METHODS } from 'node:http'
import t from 'tap'
import { slugOf, startApp } from '../support/start-app.ts'

const paths = {
  '/login': ['POST'],
  '/verify': ['POST'],
  '/resend': ['POST'],
  '/refresh': ['POST'],
  '/logout': ['POST'],
  '/confirmations': ['POST'],
  '/confirmations/resend': ['POST'],
  '/confirmations/verify': ['POST'],
  '/sessions': ['GET', 'HEAD', 'DELETE'],
  '/sessions/q8kPz1xJw3mNfT5vRb2yAg': ['DELETE'],
  '/me': ['GET', 'HEAD', 'DELETE', 'PATCH'],
  '/me/password': ['POST'],
  '/.well-known/jwks.json': ['GET', 'HEAD'],
  '/livez': ['GET', 'HEAD'],
  '/readyz': ['GET', 'HEAD'],
  '/openapi.yaml': ['GET', 'HEAD'],
  '/docs': ['GET', 'HEAD'],
  '/': ['GET', 'HEAD'],
  '/demo/app.js': ['GET', 'HEAD'],
  '/problems/not-found': ['GET', 'HEAD']
}

// Node handles CONNECT itself by closing the connection.
const methods = METHODS.filter(method => method !== 'CONNECT')

t.test(
  'a method that a path does not support gets 405 with the supported ones in Allow',
  async t => {
    const { app } = await startApp(t, { docs: true, demoPage: true })
    for (const [url, taken] of Object.entries(paths)) {
      for (const method of methods.filter(method => !taken.includes(method))) {
        const response = await app.inject({ method: method as 'GET', url: `${url}?a=b` })
        t.equal(response.statusCode, 405, `${method} ${url}`)
        t.equal(response.headers['allow'], taken.join(', '), `${method} ${url}`)
        if (method !== 'HEAD') t.equal(slugOf(response), 'method-not-allowed')
      }
    }
  }
)

t.test('every method gets 404 at an unknown or malformed path', async t => {
  const { app } = await startApp(t)
  for (const method of methods) {
    const nowhere = await app.inject({
      method: method as 'GET',
      url: '/nowhere',
      headers: { 'content-type': 'application/json' },
      payload: '{}'
    })
    t.equal(nowhere.statusCode, 404, method)
    t.equal(nowhere.headers['allow'], undefined, method)
    t.equal((await app.inject({ method: method as 'GET', url: '/%' })).statusCode, 404, method)
  }
})

t.test('a path with a parameter lists its methods in Allow', async t => {
  const { app } = await startApp(t)
  app.delete('/things/:id', async () => null)
  t.equal((await app.inject({ method: 'PUT', url: '/things/1' })).headers['allow'], 'DELETE')
  t.equal((await app.inject({ method: 'PUT', url: '/things/1/more' })).statusCode, 404)
})

t.test('the body and Content-Type of a request with an unsupported method are ignored', async t => {
  const { app } = await startApp(t)
  for (const type of ['application/json', 'text/plain', 'garbage']) {
    const response = await app.inject({
      method: 'PUT',
      url: '/login',
      headers: { 'content-type': type },
      payload: 'x'.repeat(17 * 1024)
    })
    t.equal(slugOf(response), 'method-not-allowed', type)
  }
})

t.test('the response to TRACE repeats nothing of the request', async t => {
  const { app } = await startApp(t)
  const response = await app.inject({
    method: 'TRACE' as 'GET',
    url: '/me',
    headers: { authorization: 'Bearer hunter2', cookie: 'hunter2' }
  })
  t.notMatch(JSON.stringify([response.headers, response.body]), 'hunter2')
})
