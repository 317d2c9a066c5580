import { createHmac, timingSafeEqual } from 'node:crypto'
import { Refusal } from '../../domain/refusal.ts'

/** Cursors for pages of users. A cursor contains the username key that its page continues after. */
export type UserCursors = {
  /** Null when there is no further page. */
  write: (usernameKey: string | null) => string | null
  /**
   * Undefined for the first page. Throws `invalid-request`, which names `after`, for any text that
   * `write` has not returned.
   */
  read: (cursor: string | undefined) => string | undefined
}

const tagLength = 16

/**
 * Authenticates cursors with HMAC-SHA-256, so that a client can't take them for usernames or change
 * them. The first of `keys` writes and all of them read.
 */
export function createUserCursors(keys: readonly [Buffer, ...Buffer[]]): UserCursors {
  const tagOf = (key: Buffer, text: Uint8Array) =>
    createHmac('sha256', key).update(text).digest().subarray(0, tagLength)

  return {
    write(usernameKey) {
      if (usernameKey === null) return null
      const text = Buffer.from(usernameKey)
      return Buffer.concat([tagOf(keys[0], text), text]).toString('base64url')
    },
    read(cursor = '') {
      if (cursor === '') return undefined
      const bytes = Buffer.from(cursor, 'base64url')
      const tag = bytes.subarray(0, tagLength)
      const text = bytes.subarray(tagLength)
      // Decoding skips characters that are not base64url, and bits that no byte uses.
      if (
        bytes.toString('base64url') !== cursor ||
        tag.length !== tagLength ||
        !keys.some(key => timingSafeEqual(tag, tagOf(key, text)))
      )
        throw new Refusal('invalid-request', {
          errors: [{ path: ['after'], detail: 'must be the next of an earlier page' }]
        })
      return text.toString()
    }
  }
}
