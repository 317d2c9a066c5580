import { problemKinds } from './problem-kinds.ts'

/** Every problem in Markdown: its name and status, what it means and, in italics, what to do next. */
export const problemList = () => Object.entries(problemKinds).map(([slug, { status, meaning, remedy }]) =>
  wrapped(`- \`${slug}\` (${status}): ${meaning} *${remedy}*`)).join('\n')

// Lines as a person would have typed them into a YAML file.
const wrapped = (item: string) => item.replaceAll(/(.{1,110})(?: |$)/g, '$1\n  ').trimEnd()
