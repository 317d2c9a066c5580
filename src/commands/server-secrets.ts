import { dataFolder, existingLocalSecret } from '../adapters/secrets/local-keys.ts'
import type { Config } from '../config/config.ts'

/**
 * The secrets that key the server's rate limits. Empty if only the server has them. A command
 * generates no secret, because the server's rate limits are keyed by another one.
 */
export function serverSecrets({ production, secrets }: Config): readonly Buffer[] {
  if (secrets !== undefined) return secrets
  const local = production ? undefined : existingLocalSecret(dataFolder)
  return local === undefined ? [] : [local]
}

/** What a command that needs the secrets says without them. */
export const secretIsMissing =
  "SECRET must be set to the server's, because it keys the rate limits."
