import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { FastifyPluginAsync } from 'fastify'
import Negotiator from 'negotiator'
import { openapiYaml } from '../http/openapi.ts'
import { problemKinds } from '../http/problem-kinds.ts'
import { problemsPage, problemsStyle } from '../http/problems-page.ts'

/** What a page may do in a browser: show itself, and call this service. Nobody's script but the two below runs on one. */
const pagePolicy = "default-src 'none';script-src 'self';style-src 'self';img-src 'self' data:;connect-src 'self';base-uri 'none';form-action 'none';frame-ancestors 'none'"

const viewer = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>sms-login</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="viewer"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
`

// A try is made with what is typed here and is gone with the page: no token is kept, none comes from the URL.
const starter = `SwaggerUIBundle({ dom_id: '#viewer', url: '/openapi.yaml', deepLinking: true, persistAuthorization: false, validatorUrl: null })
`

const viewerFile = (name: string) => readFileSync(createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`))

/** GET /openapi.yaml, GET /docs and /docs/problems with all that they load, and GET /problems/{slug}: what is there, for who writes a caller. */
export const docsRoute: FastifyPluginAsync = async app => {
  // They describe the others, and are no part of what they describe.
  const aside = { schema: { hide: true }, config: { problems: [] } }

  let yaml = ''
  app.addHook('onReady', async () => { yaml = openapiYaml(app, [{ url: '/', description: 'Where this was read.' }]) })
  app.get('/openapi.yaml', aside, async (_request, answer) => answer.type('application/yaml').send(yaml))

  for (const [path, page] of [['/docs', viewer], ['/docs/problems', problemsPage()]] as const) {
    app.get(path, aside, async (_request, answer) => answer.header('content-security-policy', pagePolicy).type('text/html; charset=utf-8').send(page))
  }
  app.get('/docs/', aside, async (_request, answer) => answer.redirect('/docs', 308))
  for (const [path, type, content] of [
    ['/docs/start.js', 'text/javascript', starter],
    ['/docs/swagger-ui-bundle.js', 'text/javascript', viewerFile('swagger-ui-bundle.js')],
    ['/docs/swagger-ui.css', 'text/css', viewerFile('swagger-ui.css')],
    ['/docs/problems.css', 'text/css', problemsStyle]
  ] as const) {
    app.get(path, aside, async (_request, answer) => answer.type(`${type}; charset=utf-8`).send(content))
  }

  // The `type` of a problem: its entry on the page for who opens it in a browser, the same in JSON for who asks otherwise.
  for (const [slug, { status, title, meaning, remedy }] of Object.entries(problemKinds)) {
    app.get(`/problems/${slug}`, aside, async (request, answer) => {
      answer.header('vary', 'accept')
      if (new Negotiator(request).mediaType(['application/json', 'text/html']) === 'text/html') return answer.redirect(`/docs/problems#${slug}`)
      return { type: `/problems/${slug}`, title, status, meaning, remedy, documentation: `/docs/problems#${slug}` }
    })
  }
}
