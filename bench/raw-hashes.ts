import argon2 from 'argon2'

// This process on the server's core only hashes, with the same binary and cost. Each message
// requests one slice, so that raw hashes and flows alternate on a machine whose speed drifts.

export type RawSlice = { digest: string; password: string; concurrency: number; ms: number }
/** `cpuPerHash` is the CPU time of the whole process, in milliseconds. */
export type RawRate = { hashes: number; perSecond: number; cpuPerHash: number }

process.on('message', (slice: RawSlice) => {
  void hash(slice)
})

async function hash({ digest, password, concurrency, ms }: RawSlice) {
  const started = performance.now()
  const before = process.cpuUsage()
  let hashes = 0
  const loop = async () => {
    while (performance.now() < started + ms) {
      if (!(await argon2.verify(digest, password)))
        throw new Error('the digest does not match the password')
      hashes++
    }
  }
  await Promise.all(Array.from({ length: concurrency }, loop))
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(before)
  process.send?.({
    hashes,
    perSecond: hashes / seconds,
    cpuPerHash: (user + system) / 1000 / hashes
  } satisfies RawRate)
}
