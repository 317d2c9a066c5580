import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyPluginAsync } from 'fastify'

/** What the page may do in a browser: show itself, and call this service. No script but its own files, no markup made of text. */
const pagePolicy = "default-src 'none';script-src 'self';style-src 'self';img-src data:;connect-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none';require-trusted-types-for 'script';trusted-types 'none'"

const types: Record<string, string> = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript' }

/** GET / outside production: a page to try the service with, and under /demo/ what it loads. All of the folder is served. */
export const demoPageRoute: FastifyPluginAsync = async app => {
  // It calls what openapi.yaml describes, and is no part of that.
  const aside = { schema: { hide: true }, config: { problems: [] } }
  const folder = new URL('../demo-page/', import.meta.url)

  for (const name of readdirSync(folder)) {
    const content = readFileSync(new URL(name, folder))
    const type = `${types[extname(name)]}; charset=utf-8`
    if (name === 'index.html') app.get('/', aside, async (_request, answer) => answer.header('content-security-policy', pagePolicy).type(type).send(content))
    else app.get(`/demo/${name}`, aside, async (_request, answer) => answer.type(type).send(content))
  }
}
