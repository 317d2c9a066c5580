import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** A refresh token: 48 bytes in 64 base64url characters, opaque to clients. */
export type RefreshToken = {
  token: string
  /** The session that it claims to belong to. */
  sessionId: string
  /** The stored form. A plain SHA-256 suffices because 128 random bits can't be guessed. */
  hash: Uint8Array<ArrayBuffer>
  /**
   * How many tokens of the session precede it, authenticated by one of our keys. Null for tokens of
   * earlier versions and for tokens whose key has been removed.
   */
  generation: number | null
}

/** Creates and parses refresh tokens. It doesn't know which of them are valid. */
export type RefreshTokens = {
  /** The first token of a new session. */
  issue: () => RefreshToken
  /** Null when `token` doesn't have the form of a refresh token. */
  read: (token: string) => RefreshToken | null
  /**
   * The tokens that this one may be exchanged for, one for each key. The first is the one to issue.
   * They are deterministic, so a lost response can be repeated without storing it.
   */
  successors: (used: RefreshToken) => readonly [RefreshToken, ...RefreshToken[]]
}

// Layout of a token:
// - 16 random bytes, the same for all tokens of a session. The session id is a hash of them. A
//   service that sees the id in an access token therefore can't forge a used token, which would
//   revoke the session.
// - 4 bytes: the generation.
// - 28 bytes: a MAC of the first 20. A holder of an older token can't guess it. It also proves that
//   a token is newer than the stored one when a failover has lost the last rotations.
const familyBytes = 16
const generationBytes = 4
const macBytes = 28

/**
 * `keys` have 32 bytes each. The first creates tokens, and all of them recognize tokens, so keys
 * can be rotated while tokens are in use.
 */
export function createRefreshTokens(keys: readonly [Buffer, ...Buffer[]]): RefreshTokens {
  const [firstKey, ...otherKeys] = keys

  const generationOf = (bytes: Buffer) => {
    const prefix = bytes.subarray(0, familyBytes + generationBytes)
    const mac = bytes.subarray(prefix.length)
    return keys.some(key => timingSafeEqual(mac, macOf(key, prefix)))
      ? prefix.readUInt32BE(familyBytes)
      : null
  }

  return {
    issue: () => newToken(firstKey, randomBytes(familyBytes), 0),
    read(token) {
      if (!/^[A-Za-z0-9_-]{64}$/.test(token)) return null
      const bytes = Buffer.from(token, 'base64url')
      return refreshToken(bytes, generationOf(bytes))
    },
    successors({ token, generation }) {
      const bytes = Buffer.from(token, 'base64url')
      const family = bytes.subarray(0, familyBytes)
      // A session from an earlier version keeps its token format. During an upgrade, instances of
      // both versions therefore derive the same successor.
      const successorUnder = (key: Buffer) =>
        generation === null ? withoutGeneration(key, bytes) : newToken(key, family, generation + 1)
      // During an upgrade, an older instance may have rotated a token of this version.
      const inOlderFormat =
        generation === null ? [] : keys.map(key => withoutGeneration(key, bytes))
      return [successorUnder(firstKey), ...otherKeys.map(successorUnder), ...inOlderFormat]
    }
  }
}

function newToken(key: Buffer, family: Buffer, generation: number) {
  const prefix = Buffer.alloc(familyBytes + generationBytes)
  family.copy(prefix)
  prefix.writeUInt32BE(generation, familyBytes)
  return refreshToken(Buffer.concat([prefix, macOf(key, prefix)]), generation)
}

const withoutGeneration = (key: Buffer, used: Buffer) =>
  refreshToken(
    Buffer.concat([used.subarray(0, familyBytes), createHmac('sha256', key).update(used).digest()]),
    null
  )

// Its input has another length than that of `withoutGeneration`, so neither MAC is valid as the
// other.
const macOf = (key: Buffer, prefix: Buffer) =>
  createHmac('sha256', key).update(prefix).digest().subarray(0, macBytes)

const refreshToken = (bytes: Buffer, generation: number | null): RefreshToken => ({
  token: bytes.toString('base64url'),
  sessionId: sha256(bytes.subarray(0, familyBytes)).toString('base64url').slice(0, 22),
  hash: new Uint8Array(sha256(bytes)),
  generation
})

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()
