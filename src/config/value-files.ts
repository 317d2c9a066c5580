import { readFileSync } from 'node:fs'

/** The variables whose value may be in a file, which the variable `<NAME>_FILE` names. */
const names = ['API_KEY_HASHES'] as const

/**
 * Adds the values that are in files. One line end at the end of a file is not part of the value.
 * Throws an Error of one line that names the variable if both variables are set, or if the file
 * can't be read.
 */
export function withValueFiles(
  given: Record<string, string | undefined>
): Record<string, string | undefined> {
  const values = names.flatMap(name => {
    const file = given[`${name}_FILE`]
    if (file === undefined) return []
    if (given[name] !== undefined) throw new Error(`${name} and ${name}_FILE must not both be set`)
    return [[name, contentOf(file, name)]]
  })
  return { ...given, ...Object.fromEntries(values) }
}

function contentOf(file: string, name: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch {
    throw new Error(`${name}_FILE names a file that cannot be read`)
  }
}
