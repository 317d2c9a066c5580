import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyPluginAsync } from 'fastify'

// The page may load its own files and call this service. Trusted Types keep it from turning strings
// into markup.
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  'img-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'"
].join(';')

const types: Record<string, string> = {
  '.html': 'text/html',
  '.css': 'text/css',
  '.js': 'text/javascript'
}

/**
 * GET / outside production: a page for trying out the service. /demo/ serves the other files of its
 * folder.
 */
export const demoPageRoute: FastifyPluginAsync = async app => {
  // The page is not part of the API, so openapi.yaml doesn't contain it.
  const hidden = { schema: { hide: true }, config: { problems: [] } }
  const folder = new URL('../demo/page/', import.meta.url)

  for (const name of readdirSync(folder)) {
    const content = readFileSync(new URL(name, folder))
    const type = `${types[extname(name)]}; charset=utf-8`
    if (name === 'index.html')
      app.get('/', hidden, async (_request, reply) =>
        reply.header('content-security-policy', pagePolicy).type(type).send(content)
      )
    else app.get(`/demo/${name}`, hidden, async (_request, reply) => reply.type(type).send(content))
  }
}
