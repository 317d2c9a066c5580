import { problemKinds } from './problem-kinds.ts'

/** Every problem as a Markdown list: slug, status, meaning and, in italics, the remedy. */
export const problemsMarkdown = () =>
  Object.entries(problemKinds)
    .map(
      ([slug, { status, meaning, remedy }]) => `- \`${slug}\` (${status}): ${meaning} *${remedy}*`
    )
    .join('\n')
