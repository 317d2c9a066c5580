import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import { stringify } from 'yaml'
import { z } from 'zod'
import { openapiOverview } from './openapi-overview.ts'
import { problemExamples, problemResponses, sharedProblems, sharedResponses } from './openapi-problems.ts'
import { problemKinds, type ProblemSlug } from './problem-kinds.ts'

/** Collects the routes registered from here on, for `openapiYaml`. */
export async function describeRoutes (app: FastifyInstance) {
  const transform = createJsonSchemaTransform({ zodToJsonConfig })
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', ...openapiOverview },
    transform (route) {
      const { schema, url } = transform(route)
      return { url, schema: { ...schema, 'x-problems': routeConfig.parse(route.route.config).problems } }
    },
    transformObject: createJsonSchemaTransformObject({ zodToJsonConfig })
  })
}

/** The routes of an application that is ready, as an OpenAPI 3.1 document; it answers at `servers`. */
export const openapiYaml = (app: FastifyInstance, servers: Server[] = openapiOverview.servers) =>
  stringify({ ...openapiDocument(app), servers }, { aliasDuplicateObjects: false, lineWidth: 120, blockQuote: 'literal' })

type Server = { url: string, description: string }

/** The same before it is text. It says each thing once. */
export function openapiDocument (app: FastifyInstance): object {
  const { paths, components, ...head } = generated.parse(app.swagger())
  const schemas = withoutTwins(components.schemas)
  const told = new Set(sharedProblems)

  const withProblems = ({ 'x-problems': problems, responses, ...operation }: z.infer<typeof operationShape>) => {
    for (const slug of problems) told.add(slug)
    return { ...operation, responses: { ...mapValues(responses, described), ...problemResponses(problems, operation.requestBody !== undefined) } }
  }
  // A reply with a body is described by its schema.
  const described = ({ description, content }: z.infer<typeof responseShape>) => content === undefined
    ? { description }
    : { description: schemas[content['application/json'].schema.$ref.replace('#/components/schemas/', '')]?.description, content }
  return withoutInput({
    ...head,
    paths: mapValues(paths, path => mapValues(path, withProblems)),
    components: {
      securitySchemes: components.securitySchemes,
      schemas,
      responses: sharedResponses(),
      examples: problemExamples([...told].sort())
    }
  })
}

const slug = z.enum(Object.keys(problemKinds) as ProblemSlug[]) // Object.keys doesn't tell the keys' type.
const routeConfig = z.object({ problems: z.array(slug) })

/** What of the generated document is changed here; the rest passes as it is. */
const responseShape = z.object({
  description: z.string(),
  content: z.object({ 'application/json': z.object({ schema: z.object({ $ref: z.string() }) }) }).optional()
})
const operationShape = z.looseObject({
  'x-problems': z.array(slug),
  requestBody: z.unknown().optional(),
  responses: z.record(z.string(), responseShape)
})
const generated = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), operationShape)),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({ description: z.string().optional() })) })
})

const zodToJsonConfig: NonNullable<NonNullable<Parameters<typeof createJsonSchemaTransform>[0]>['zodToJsonConfig']> = {
  override ({ jsonSchema }) {
    // What zod adds to say what `type` and `format` say already.
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
    if (jsonSchema.format !== undefined) delete jsonSchema.pattern
  }
}

/**
 * Each schema comes twice, `XInput` for what is sent and `X` for what is received. Ours don't transform, so the first
 * says it all: a request may have no other keys, while a reply may get new ones one day.
 */
const withoutTwins = <T>(schemas: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(schemas).filter(([name]) => name.endsWith('Input')).map(([name, schema]) => [name.slice(0, -'Input'.length), schema] as const).sort())

const withoutInput = (document: object): object =>
  JSON.parse(JSON.stringify(document).replaceAll(/"(#\/components\/schemas\/\w+)Input"/g, '"$1"'))

const mapValues = <T, U>(record: Record<string, T>, change: (value: T) => U) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
