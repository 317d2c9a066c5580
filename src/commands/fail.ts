/** Ends a command that fails. `reason` is one line. */
export const fail = (reason: string): never => {
  throw new Error(reason)
}

/** Ends a command that names a user who does not exist. */
export const noSuchUser = (username: string): never =>
  fail(`There is no user named ${oneLine(username)}.`)

/** An operand in a message, which is one line. */
export const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ')

/** Ends a command with wrong usage: exit code 2 and one line. */
export const misuse = (reason: string): never => {
  throw Object.assign(new Error(reason), { exitCode: 2 })
}

/** The exit code for an error that a command threw: 2 for wrong usage, otherwise 1. */
export const exitCodeOf = (error: unknown): number =>
  error instanceof Error && 'exitCode' in error && error.exitCode === 2 ? 2 : 1
