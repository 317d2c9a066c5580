import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import {
  createJsonSchemaTransform,
  createJsonSchemaTransformObject
} from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { openapiOverview, adminOverview } from './openapi-overview.ts'
import {
  everyResponse,
  problemExamples,
  problemResponses,
  sharedHeaders,
  sharedProblems,
  sharedResponses
} from './openapi-problems.ts'
import { problemKinds, type ProblemSlug } from '../problems/problem-kinds.ts'
import { yamlText } from './yaml-text.ts'

/** Collects the routes that are registered after this call, for `openapiYaml`. */
export async function describeRoutes(
  app: FastifyInstance,
  overview: typeof openapiOverview | typeof adminOverview
) {
  const transform = createJsonSchemaTransform({ zodToJsonConfig })
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', ...overview },
    transform(route) {
      const { schema, url } = transform(route)
      return {
        url,
        schema: { ...schema, 'x-problems': routeConfig.parse(route.route.config).problems }
      }
    },
    transformObject: createJsonSchemaTransformObject({ zodToJsonConfig })
  })
}

/**
 * The OpenAPI 3.1 document of an application that is ready, as YAML. With the application of the
 * admin API it describes both.
 */
export const openapiYaml = (
  app: FastifyInstance,
  { servers, adminApp }: { servers?: Server[]; adminApp?: FastifyInstance } = {}
) => {
  const document = openapiDocument(app)
  const all = adminApp === undefined ? document : withAdminApi(document, openapiDocument(adminApp))
  return yamlText({ ...all, ...(servers && { servers }) })
}

type Server = { url: string; description: string }

/** The parts of a finished document that two documents are joined by. */
type Document = {
  servers: Server[]
  tags: object[]
  paths: Record<string, object>
  components: Record<string, object>
}

/** Joins the two. The paths of the admin API have its server. */
const withAdminApi = (document: Document, admin: Document): Document => ({
  ...document,
  tags: [...document.tags, ...admin.tags],
  paths: {
    ...document.paths,
    ...mapValues(admin.paths, path => ({ servers: admin.servers, ...path }))
  },
  components: mapValues(document.components, (components, kind) => {
    const all = { ...components, ...admin.components[kind] }
    return kind === 'schemas' || kind === 'examples' ? sorted(all) : all
  })
})

const sorted = (object: object) => Object.fromEntries(Object.entries(object).sort())

/** The document as an object, without duplicate schemas and responses. */
export function openapiDocument(app: FastifyInstance): Document {
  const { paths, components, ...head } = generated.parse(app.swagger())
  const schemas = withoutTwins(components.schemas)
  const documented = new Set(sharedProblems)

  const withProblems = ({
    'x-problems': problems,
    responses,
    ...operation
  }: z.infer<typeof operationShape>) => {
    for (const slug of problems) documented.add(slug)
    return {
      ...operation,
      responses: {
        ...mapValues(responses, described),
        ...problemResponses(problems, operation.requestBody !== undefined)
      }
    }
  }
  // A response with a body takes the description of its schema.
  const described = ({ description, content }: z.infer<typeof responseShape>) =>
    content === undefined
      ? { description, headers: everyResponse }
      : {
          description:
            schemas[content['application/json'].schema.$ref.replace('#/components/schemas/', '')]
              ?.description,
          headers: everyResponse,
          content
        }
  return withoutInput({
    ...head,
    paths: mapValues(paths, path => mapValues(path, withProblems)),
    components: {
      securitySchemes: components.securitySchemes,
      schemas,
      headers: sharedHeaders,
      responses: sharedResponses(),
      examples: problemExamples([...documented].sort())
    }
  })
}

const slug = z.enum(Object.keys(problemKinds) as ProblemSlug[]) // Object.keys returns string[].
const routeConfig = z.object({ problems: z.array(slug) })

// The parts of the generated document that are changed here.
const responseShape = z.object({
  description: z.string(),
  content: z
    .object({ 'application/json': z.object({ schema: z.object({ $ref: z.string() }) }) })
    .optional()
})
const operationShape = z.looseObject({
  'x-problems': z.array(slug),
  requestBody: z.unknown().optional(),
  responses: z.record(z.string(), responseShape)
})
const generated = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), operationShape)),
  components: z.looseObject({
    schemas: z.record(z.string(), z.looseObject({ description: z.string().optional() }))
  })
})

const zodToJsonConfig: NonNullable<
  NonNullable<Parameters<typeof createJsonSchemaTransform>[0]>['zodToJsonConfig']
> = {
  override({ jsonSchema }) {
    // Zod adds these although `type` and `format` imply them.
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
    if (jsonSchema.format !== undefined && jsonSchema.format !== 'password')
      delete jsonSchema.pattern
    // A number in a query is a text for zod.
    if (jsonSchema.type === 'integer') delete jsonSchema.pattern
  }
}

/**
 * The library generates each schema twice: `XInput` for requests and `X` for responses. Our schemas
 * don't transform, so `XInput` is kept for both. It forbids unknown keys only in requests, because
 * responses may get new keys in later versions.
 */
const withoutTwins = <T>(schemas: Record<string, T>): Record<string, T> =>
  Object.fromEntries(
    Object.entries(schemas)
      .filter(([name]) => name.endsWith('Input'))
      .map(([name, schema]) => [name.slice(0, -'Input'.length), schema] as const)
      .sort()
  )

const withoutInput = (document: object): Document =>
  JSON.parse(
    JSON.stringify(document).replaceAll(/"(#\/components\/schemas\/\w+)Input"/g, '"$1"'),
    (key, value) => (key === 'description' && typeof value === 'string' ? wrapLines(value) : value)
  )

/** Rewraps paragraphs and list items, so that openapi.yaml and files made from it are readable. */
const wrapLines = (text: string) =>
  text
    .replaceAll(/([^\n])\n(?!\n|- |\d+\. |$) */g, '$1 ')
    .split('\n')
    .map(wrapLine)
    .join('\n')

function wrapLine(line: string) {
  const [bullet = ''] = /^(?:- |\d+\. )?/.exec(line) ?? []
  const indent = ' '.repeat(bullet.length)
  return line.replaceAll(/(?=.{65}).{1,64} /g, part => `${part.trimEnd()}\n${indent}`)
}

const mapValues = <T, U>(record: Record<string, T>, change: (value: T, key: string) => U) =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value, key)]))
