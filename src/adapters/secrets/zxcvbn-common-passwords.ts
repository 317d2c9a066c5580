import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { adjacencyGraphs, dictionary } from '@zxcvbn-ts/language-common'
import type { WeaknessOf } from '../../domain/login/password-policy.ts'

/** The minimum score of zxcvbn. At 0 and 1 an attacker needs at most a million guesses. */
const leastScore = 2

/**
 * Only these first characters are estimated. The estimate takes quadratic time and blocks all other
 * requests: at most 20 ms for 32 characters, and 70 ms for 100.
 */
const estimatedLength = 32

/**
 * Detects the passwords that attackers try first: the 49,000 most common ones in any case, and
 * those that consist only of repetitions, sequences, keyboard rows and common passwords.
 */
export function createCommonPasswords(): WeaknessOf {
  const common = new Set(dictionary['passwords-common'])
  const estimate = new ZxcvbnFactory({
    dictionary: { common: dictionary['passwords-common'] },
    graphs: adjacencyGraphs
  })
  return password => {
    if (common.has(password.toLowerCase())) return 'common'
    const start = password.slice(0, estimatedLength)
    return isProgression(start) || estimate.check(start).score < leastScore
      ? 'predictable'
      : undefined
  }
}

/** Whether the code points of all neighboring characters have the same difference. */
function isProgression(text: string): boolean {
  const points = Array.from(text, character => character.codePointAt(0) ?? 0)
  return new Set(points.slice(1).map((point, i) => point - (points[i] ?? 0))).size <= 1
}
