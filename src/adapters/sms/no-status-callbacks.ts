import type { StatusCallbacks } from '../../domain/codes/status-callbacks.ts'
import { Refusal } from '../../domain/refusal.ts'

/** Status callbacks that are off: there is no such resource. */
export const noStatusCallbacks: StatusCallbacks = {
  authenticate() {
    throw new Refusal('not-found')
  },
  interpret: () => null
}
