import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { FastifyPluginAsync } from 'fastify'
import Negotiator from 'negotiator'
import { openapiYaml } from '../http/openapi/openapi.ts'
import { problemKinds } from '../http/problems/problem-kinds.ts'
import {
  problemSections,
  problemsHtml,
  problemsStyle,
  viewerStyle
} from '../http/problems/problems-html.ts'

// A page may load its own files and call this service. No other scripts run.
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join(';')

const viewer = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sms-login</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="stylesheet" href="/docs/viewer.css">
<div id="viewer"></div>
<div id="problems">
<h1>Problems</h1>
${problemSections()}</div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
`

// Tokens live only as long as the page. They are neither stored nor read from the URL.
const starter = `const dark = matchMedia('(prefers-color-scheme: dark)')
const followScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches)
dark.addEventListener('change', followScheme)
followScheme()
SwaggerUIBundle({
  dom_id: '#viewer',
  url: '/openapi.yaml',
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null
})
`

const viewerFile = (name: string) =>
  readFileSync(createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`))

/**
 * The documentation for developers of clients: GET /openapi.yaml, /docs and /docs/problems with the
 * files they load, and GET /problems/{slug}.
 */
export const docsRoute: FastifyPluginAsync = async app => {
  // The documentation is not part of the API, so openapi.yaml doesn't contain it.
  const hidden = { schema: { hide: true }, config: { problems: [] } }

  let yaml = ''
  app.addHook('onReady', async () => {
    yaml = openapiYaml(app, {
      servers: [{ url: '/', description: 'The server of this documentation.' }]
    })
  })
  app.get('/openapi.yaml', hidden, async (_request, reply) =>
    reply.type('application/yaml').send(yaml)
  )

  for (const [path, page] of [
    ['/docs', viewer],
    ['/docs/problems', problemsHtml()]
  ] as const) {
    app.get(path, hidden, async (_request, reply) =>
      reply
        .header('content-security-policy', pagePolicy)
        .type('text/html; charset=utf-8')
        .send(page)
    )
  }
  app.get('/docs/', hidden, async (_request, reply) => reply.redirect('/docs', 308))
  for (const [path, type, content] of [
    ['/docs/start.js', 'text/javascript', starter],
    ['/docs/swagger-ui-bundle.js', 'text/javascript', viewerFile('swagger-ui-bundle.js')],
    ['/docs/swagger-ui.css', 'text/css', viewerFile('swagger-ui.css')],
    ['/docs/viewer.css', 'text/css', viewerStyle],
    ['/docs/problems.css', 'text/css', problemsStyle]
  ] as const) {
    app.get(path, hidden, async (_request, reply) =>
      reply.type(`${type}; charset=utf-8`).send(content)
    )
  }

  // The `type` of a problem. A browser is redirected to its section of the page, and other clients
  // get the same content as JSON.
  for (const [slug, { status, title, meaning, remedy }] of Object.entries(problemKinds)) {
    app.get(`/problems/${slug}`, hidden, async (request, reply) => {
      reply.header('vary', 'accept')
      if (new Negotiator(request).mediaType(['application/json', 'text/html']) === 'text/html')
        return reply.redirect(`/docs/problems#${slug}`)
      return {
        type: `/problems/${slug}`,
        title,
        status,
        meaning,
        remedy,
        documentation: `/docs/problems#${slug}`
      }
    })
  }
}
