import { z } from 'zod'
import { problemKinds, type ProblemSlug } from './problem-kinds.ts'

/** The wire form of every failure (RFC 9457). */
export const problemSchema = z.object({
  type: z.string().meta({ description: 'What kind of problem this is; the last part is stable and meant for programs.' }),
  title: z.string(),
  status: z.int(),
  detail: z.string().meta({ description: 'What it means and what to do next: for the developer, not for the person.' }),
  instance: z.string().meta({ description: 'The id of this request, as the server\'s log has it.' }),
  errors: z.array(z.object({
    pointer: z.string().meta({ description: 'A JSON pointer into the request body.' }),
    detail: z.string()
  })).optional().meta({ description: 'With `invalid-request`: what is wrong, field by field.' }),
  attemptsRemaining: z.int().optional().meta({ description: 'With `wrong-code`: how many more codes can be tried.' }),
  reason: z.enum(['requests', 'passwords', 'codes', 'codes-off']).optional().meta({ description: 'With `too-many-attempts`: of what there were too many. `codes-off` ends only when the operator unlocks the account.' }),
  maxAge: z.int().optional().meta({ description: 'With `reauthentication-required`: how many seconds ago the login may have been.' }),
  retryAfter: z.int().optional().meta({ description: 'Seconds to wait, the same as the header `Retry-After`.' })
}).meta({ id: 'Problem', description: 'A failure, as RFC 9457 has it.' })

export type Problem = z.infer<typeof problemSchema>

/** The problem of that kind, of the request with that id. */
export function problem (slug: ProblemSlug, instance: string, more: Partial<Problem> = {}): Problem {
  const { status, title, meaning, remedy, ...rest } = problemKinds[slug]
  return { type: `/problems/${slug}`, title, status, detail: `${meaning} ${remedy}`, ...rest, instance, ...more }
}
