import { z } from 'zod'
import { refusalReasons } from '../../domain/refusal.ts'
import { problemKinds, type ProblemKind, type ProblemSlug } from './problem-kinds.ts'
import { problemsMarkdown } from './problems-markdown.ts'

/** The most `errors` in a response. A body of 16 KiB can hold thousands of invalid fields. */
export const mostErrors = 20

/** The wire form of every failure (RFC 9457). */
export const problemSchema = z
  .object({
    type: z.string().meta({
      description: 'The problem type. Programs match on its last path segment, which is stable.'
    }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({
      description:
        'What happened in this case and what to do next, for developers rather than users.'
    }),
    instance: z
      .string()
      .meta({ description: "The request id, as it appears in the server's log." }),
    errors: z
      .array(
        z.object({
          pointer: z.string().meta({ description: 'A JSON pointer into the request body.' }),
          detail: z.string()
        })
      )
      .max(mostErrors)
      .optional()
      .meta({ description: 'With `invalid-request`: one entry for each invalid field.' }),
    attemptsRemaining: z
      .int()
      .optional()
      .meta({ description: 'With `wrong-code`: how many attempts are left.' }),
    reason: z
      .enum(refusalReasons['too-many-attempts'])
      .optional()
      .meta({
        description: [
          'With `too-many-attempts`: what there were too many of.',
          '`codes-off` ends only when the operator unlocks the account.'
        ].join(' ')
      }),
    maxAge: z.int().optional().meta({
      description: 'With `reauthentication-required`: the maximum age of the login, in seconds.'
    }),
    retryAfter: z
      .int()
      .optional()
      .meta({ description: 'Seconds to wait, as in the `Retry-After` header.' })
  })
  .meta({
    id: 'Problem',
    description: `A failure (RFC 9457).

The last path segment of \`type\` is one of the stable names below. Each is listed with its
status, its meaning and *what to do next*.

${problemsMarkdown()}`
  })

export type Problem = z.infer<typeof problemSchema>

/** Builds a problem of the type `slug`. `instance` is the request id. */
export function problem(slug: ProblemSlug, instance: string, more: Partial<Problem> = {}): Problem {
  const { status, title, meaning, remedy, cases: _cases, ...rest }: ProblemKind = problemKinds[slug]
  return {
    type: `/problems/${slug}`,
    title,
    status,
    detail: `${meaning} ${remedy}`,
    ...rest,
    instance,
    ...more
  }
}
