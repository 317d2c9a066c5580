import { createHmac } from 'node:crypto'
import { decoyDigest } from '../../domain/login/decoy-digest.ts'
import { parseDigest, type PasswordDigest } from '../../domain/login/password-digest.ts'

type Decoy = {
  digest: PasswordDigest
  /** How long a comparison takes on average. Undefined before the first one. */
  milliseconds: number | undefined
}

/** How much the latest comparison counts in the average, which has to follow the load. */
const weight = 1 / 8

/** Single comparisons take longer than the average. */
const margin = 1.25

/**
 * Keeps a decoy for each kind of stored digest (see `digestKind`). A password is compared with a
 * decoy when there is no digest, so that the response time does not reveal which users exist.
 *
 * `key` keys the choice of a decoy, so that an attacker cannot predict it. `ownKind` is the kind of
 * new digests. `measure` compares a digest in its turn and resolves to the milliseconds that it
 * took.
 */
export function createDecoys(
  key: Buffer,
  ownKind: string,
  measure: (digest: PasswordDigest) => Promise<number>
) {
  const own = createDecoy(ownKind)
  if (own === undefined) throw new Error(`${ownKind} is not the kind of a digest`)
  let decoys = new Map([[ownKind, own]])
  let shares = [{ decoy: own, upTo: 1 }]

  return {
    /** Always the same one for a username, while the proportions of the kinds do not change. */
    decoyFor(usernameKey: string): PasswordDigest {
      const hash = createHmac('sha256', key).update(usernameKey).digest()
      const fraction = hash.readUIntBE(0, 6) / 2 ** 48
      return (shares.find(({ upTo }) => fraction < upTo)?.decoy ?? own).digest
    },
    /** Adds a comparison to the average of its kind. */
    record(kind: string, milliseconds: number) {
      const decoy = decoys.get(kind)
      if (decoy === undefined) return
      const average = decoy.milliseconds ?? milliseconds
      decoy.milliseconds = average + (milliseconds - average) * weight
    },
    /**
     * The milliseconds within which almost all comparisons end, whatever their kind. 0 while there
     * is only one kind, because its comparisons take equally long anyway.
     */
    longest(): number {
      if (decoys.size === 1) return 0
      return margin * Math.max(...[...decoys.values()].map(decoy => decoy.milliseconds ?? 0))
    },
    /**
     * From now on, chooses decoys in the proportions of `counts`, the number of users by kind.
     * Compares each new kind once to learn how long it takes.
     */
    async useKinds(counts: ReadonlyMap<string, number>): Promise<void> {
      const known = new Map([[ownKind, own]])
      const users = new Map<Decoy, number>()
      for (const [kind, count] of [...counts].sort(([one], [other]) => (one < other ? -1 : 1))) {
        // Earlier builds did not store the cost.
        const costed = kind === 'argon2id' ? ownKind : kind
        const decoy = known.get(costed) ?? decoys.get(costed) ?? createDecoy(costed)
        if (decoy === undefined) continue
        known.set(costed, decoy)
        users.set(decoy, (users.get(decoy) ?? 0) + count)
      }
      if (known.size > 1)
        for (const decoy of known.values()) decoy.milliseconds ??= await measure(decoy.digest)
      decoys = known
      const total = [...users.values()].reduce((sum, count) => sum + count, 0)
      let below = 0
      shares = [...users].map(([decoy, count]) => ({ decoy, upTo: (below += count) / total }))
    }
  }
}

/** Undefined if no readable digest has this kind. */
function createDecoy(kind: string): Decoy | undefined {
  const digest = parseDigest(decoyDigest(kind) ?? '')
  return 'error' in digest ? undefined : { digest, milliseconds: undefined }
}
