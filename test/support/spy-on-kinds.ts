import argon2 from 'argon2'
import bcrypt from 'bcrypt'
import type { Test } from 'tap'
import { digestKind } from '../../src/domain/login/password-digest.ts'

/** Records the kind of each argon2 and bcrypt digest with which a password is compared. */
export function spyOnKinds(t: Test) {
  const { verify } = argon2
  const { compare } = bcrypt
  let kinds: string[] = []
  argon2.verify = async (digest, ...rest) => {
    kinds.push(digestKind(digest))
    return verify(digest, ...rest)
  }
  bcrypt.compare = async (password: string | Buffer, digest: string) => {
    kinds.push(digestKind(digest))
    return compare(password, digest)
  }
  t.teardown(() => {
    argon2.verify = verify
    bcrypt.compare = compare
  })
  return {
    /** Returns the kinds since the last call. */
    take() {
      const taken = kinds
      kinds = []
      return taken
    }
  }
}
