import { ownerOf, type LiveSessionPorts } from './live-session.ts'
import { maskPhone } from './mask-phone.ts'
import type { OwnSession } from './session.ts'

/** The person an access token speaks of. Throws `invalid-token` when its session is over. */
export async function whoAmI (ports: LiveSessionPorts, session: OwnSession) {
  const { id, username, phone } = await ownerOf(ports, session)
  return { id, username, phone: phone === null ? null : maskPhone(phone) }
}
