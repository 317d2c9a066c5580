import argon2 from 'argon2'

// A separate process on the server's core that only hashes, with the same binary and cost. Each
// message requests one slice, so that its slices and the server's alternate on a machine whose
// speed drifts.

export type RawSlice = { digest: string; password: string; atOnce: number; ms: number }
/** `cpuPerHash` is the CPU time of the whole process, in milliseconds. */
export type RawRate = { hashes: number; perSecond: number; cpuPerHash: number }

process.on('message', (slice: RawSlice) => {
  void hash(slice)
})

async function hash({ digest, password, atOnce, ms }: RawSlice) {
  const started = performance.now()
  const before = process.cpuUsage()
  let hashes = 0
  const hashOn = async () => {
    while (performance.now() < started + ms) {
      if (!(await argon2.verify(digest, password)))
        throw new Error('the digest does not match the password')
      hashes++
    }
  }
  await Promise.all(Array.from({ length: atOnce }, hashOn))
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(before)
  process.send?.({
    hashes,
    perSecond: hashes / seconds,
    cpuPerHash: (user + system) / 1000 / hashes
  } satisfies RawRate)
}
