import { requireLiveSession, type RequireLiveSessionPorts } from './require-live-session.ts'
import { maskPhone } from './mask-phone.ts'
import type { SessionRef } from './session.ts'

/** The person an access token speaks of. Throws `invalid-token` when its session is over. */
export async function whoAmI (ports: RequireLiveSessionPorts, session: SessionRef) {
  const { id, username, phone } = await requireLiveSession(ports, session)
  return { id, username, phone: phone === null ? null : maskPhone(phone) }
}
