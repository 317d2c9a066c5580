import type { RefusalSlug } from '../refusal.ts'
import { findUser, type FindUserPorts } from './find-user.ts'

export const resetFactorsRefusals = ['not-found'] as const satisfies readonly RefusalSlug[]

/**
 * Removes every second factor of a user except the phone. There are none yet, so this only checks
 * that the user exists. Throws `resetFactorsRefusals`.
 */
export async function resetFactors(ports: FindUserPorts, id: string): Promise<void> {
  await findUser(ports, id)
}
