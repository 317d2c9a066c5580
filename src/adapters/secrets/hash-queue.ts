import PQueue from 'p-queue'
import { Refusal } from '../../domain/refusal.ts'

export type HashQueueSettings = {
  /** Concurrent hashes. More than there are cores only take memory and slow other requests down. */
  concurrency: number
  /** The maximum number of queued hashes. */
  queue: number
}

/** Observes the queue. All times are in milliseconds. */
export type HashObserver = {
  /** A caller has left the queue after this wait. */
  waited: (milliseconds: number) => void
  /** One hash took this long. */
  hashed: (milliseconds: number) => void
  /** A caller was refused because the queue is full. */
  refused: () => void
}

export type HashQueueState = {
  running: number
  waiting: number
  /** How many can wait. */
  waitingLimit: number
}

/** Runs a limited number of hashes at the same time, and queues a limited number of others. */
export function createHashQueue(
  { concurrency, queue }: HashQueueSettings,
  observer: Pick<HashObserver, 'waited' | 'refused'>
) {
  const running = new PQueue({ concurrency })
  let reservedPlaces = 0

  function requirePlace() {
    if (running.pending + running.size + reservedPlaces < concurrency + queue) return
    observer.refused()
    throw new Refusal('busy')
  }

  return {
    state: (): HashQueueState => ({
      running: running.pending,
      waiting: running.size,
      waitingLimit: queue
    }),
    /** Takes a place until the returned function is called. Throws `busy` if there is none. */
    reserveSlot() {
      requirePlace()
      reservedPlaces++
      let isReserved = true
      return () => {
        if (isReserved) reservedPlaces--
        isReserved = false
      }
    },
    /**
     * Runs `work`, which takes one place in the queue for each of its `hashes`. Throws `busy` if
     * there is no place, or if `signal` aborts before the work has begun.
     */
    async enqueue<T>(work: () => Promise<T>, hashes: number, signal?: AbortSignal): Promise<T> {
      requirePlace()
      // The queue would take an abort of a running hash for its end and start another one.
      // Therefore it learns of aborts only while the caller waits. `busy` is accurate, because the
      // caller waited too long, and it is neither logged as an error nor another problem type to
      // document.
      const waiting = new AbortController()
      const leaveQueue = () => waiting.abort(new Refusal('busy'))
      signal?.addEventListener('abort', leaveQueue, { once: true })
      if (signal?.aborted) leaveQueue()
      const queuedAt = performance.now()
      const done = running.add(
        () => {
          signal?.removeEventListener('abort', leaveQueue)
          observer.waited(performance.now() - queuedAt)
          return work()
        },
        { signal: waiting.signal }
      )
      reservedPlaces += hashes - 1
      try {
        return await done
      } finally {
        reservedPlaces -= hashes - 1
      }
    },
    /** Runs `work` in its turn, even if the queue is full. */
    enqueueAlways: async <T>(work: () => Promise<T>): Promise<T> => running.add(work)
  }
}
