import { formatEnd } from '../domain/login/login-obstacles.ts'
import { variableOf } from '../http/problems/limit-variables.ts'

/** A rate limit, for example `requests: 60 of 60 until …, set by LIMIT_IP_PER_MINUTE`. */
export function formatLimit({
  name,
  count,
  max,
  resetsAt
}: {
  name: string
  count: number
  max: number
  resetsAt: Date
}): string {
  return `${name}: ${count} of ${max} until ${formatEnd(resetsAt)}${setBy(name)}`
}

/** The variable that sets a limit, as the end of a line. */
export const setBy = (name: string) => {
  const variable = variableOf(name)
  return variable === undefined ? '' : `, set by ${variable}`
}

/** A rate limit as the output `--json` has it. */
export const withVariable = <T extends { name: string }>(limit: T) => ({
  ...limit,
  variable: variableOf(limit.name) ?? null
})
