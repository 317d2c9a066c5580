import { createHash, createHmac, randomBytes } from 'node:crypto'

/** A refresh token: 48 bytes in 64 URL-safe characters, opaque to whoever holds it. */
export type RefreshToken = {
  token: string
  /** The session it claims to belong to. */
  sessionId: string
  /** How it is stored: a plain SHA-256, as nobody guesses 256 random bits. */
  hash: Uint8Array<ArrayBuffer>
}

/** Makes refresh tokens and reads them; knows nothing of which are good. */
export type RefreshTokens = {
  /** The first one of a new session. */
  issue: () => RefreshToken
  /** Null for what can't be a refresh token. */
  read: (token: string) => RefreshToken | null
  /**
   * What this one is exchanged for: always the same, so that an answer that was lost can be given again without anything
   * being kept for it. One for each key; the first is given out.
   */
  successors: (used: RefreshToken) => readonly [RefreshToken, ...RefreshToken[]]
}

// All tokens of a session begin with the same 16 bytes; the other 32 are new in each. The session's id is a hash of the first,
// so whoever knows the id, as every service does that is shown an access token, can't make anything that passes for a
// used token and so ends the session.
const familyBytes = 16
const secretBytes = 32

/**
 * `keys`: 32 bytes each; the first makes successors, all recognise them, so that a key can be changed while answers are on
 * their way.
 */
export function refreshTokensOf (keys: readonly [Buffer, ...Buffer[]]): RefreshTokens {
  const [firstKey, ...otherKeys] = keys

  return {
    issue: () => refreshToken(randomBytes(familyBytes + secretBytes)),
    read: token => /^[A-Za-z0-9_-]{64}$/.test(token) ? refreshToken(Buffer.from(token, 'base64url')) : null,
    successors (used) {
      const bytes = Buffer.from(used.token, 'base64url')
      const by = (key: Buffer) => refreshToken(Buffer.concat([bytes.subarray(0, familyBytes), createHmac('sha256', key).update(bytes).digest()]))
      return [by(firstKey), ...otherKeys.map(by)]
    }
  }
}

const refreshToken = (bytes: Buffer): RefreshToken => ({
  token: bytes.toString('base64url'),
  sessionId: sha256(bytes.subarray(0, familyBytes)).toString('base64url').slice(0, 22),
  hash: new Uint8Array(sha256(bytes))
})

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest()
