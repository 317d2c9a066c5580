import Fastify from 'fastify'

/** GET /metrics on a port of its own, so that a proxy in front of the service can't show it to the world by accident. */
export function metricsServer ({ text, contentType }: { text: () => Promise<string>, contentType: string }) {
  const server = Fastify()
  server.get('/metrics', async (_request, reply) => reply.type(contentType).send(await text()))
  return server
}
