import type { Sms, TrackedSms } from '../../domain/messages/sms.ts'

/** Keeps track of running sends, because no request waits for the send of a notice. */
export function createTrackedSms(sms: Sms): TrackedSms {
  const running = new Map<Promise<unknown>, string>()
  const runningTo = (to: string | undefined) =>
    [...running].flatMap(([sending, phone]) => (to === undefined || to === phone ? [sending] : []))
  return {
    send(message) {
      const sending = sms.send(message).finally(() => running.delete(sending))
      running.set(sending, message.to)
      return sending
    },
    async settled(to) {
      while (runningTo(to).length > 0) await Promise.all(runningTo(to))
    }
  }
}
