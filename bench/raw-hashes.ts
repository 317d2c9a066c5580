import argon2 from 'argon2'

// A process of its own on the server's core: the same binary and the same cost, and nothing else. Asked by message for one
// slice at a time, so that slices of it and of the server can take turns on a machine whose speed drifts.

export type RawSlice = { digest: string, password: string, atOnce: number, ms: number }
/** CPU is in milliseconds, of the whole process. */
export type RawRate = { hashes: number, perSecond: number, cpuPerHash: number }

process.on('message', async ({ digest, password, atOnce, ms }: RawSlice) => {
  const started = performance.now()
  const before = process.cpuUsage()
  let hashes = 0
  const hashOn = async () => {
    while (performance.now() < started + ms) {
      if (!await argon2.verify(digest, password)) throw new Error('the digest is not of this password')
      hashes++
    }
  }
  await Promise.all(Array.from({ length: atOnce }, hashOn))
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(before)
  process.send?.({ hashes, perSecond: hashes / seconds, cpuPerHash: (user + system) / 1000 / hashes } satisfies RawRate)
})
