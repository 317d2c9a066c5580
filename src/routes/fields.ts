import { z } from 'zod'

/** What is told of a field that is missing, or of another type. */
export const mustBe = (type: string) => ({ error: ({ input }: { input?: unknown }) => input === undefined ? 'is required' : `must be ${type}` })

/** A text field. Lone surrogates are refused: they have no UTF-8 form, so hashing them would hash something else. */
export const textField = (most: number) =>
  z.string(mustBe('a string'))
    .min(1, 'must not be empty')
    .max(most, `must be at most ${most} characters`)
    .refine(text => text.isWellFormed(), 'must be valid Unicode')

/** A code as a field. */
export const codeField = (length: number) => z.string(mustBe('a string'))
  .regex(new RegExp(`^[0-9]{${length}}$`), `must be ${length} digits`)
  .meta({ description: 'The digits of the text message, `codeLength` of them; a string, because leading zeros count.' })

/** A challenge token as a field; what is wrong with it, if anything, is for the token's reader to say. */
export const challengeTokenField = textField(2048).meta({ description: 'The `challengeToken` of POST /login or POST /resend.' })

/** A refresh token as a field; whether it is one is for the rule to say. */
export const refreshTokenField = textField(2048).meta({ description: 'The `refreshToken` of POST /verify or POST /refresh.' })

/** A refresh token for examples; no session has it. */
export const exampleRefreshToken = 'q8kPz1xJw3mNfT5vRb2yAi0c7hYdUeSgLoXrKtVnMaBj9pQwZsFl4uGxEi6HkCvD'

/** A challenge token for examples; nobody signed it. */
export const exampleChallengeToken = 'eyJhbGciOiJIUzI1NiIsInR5cCI6ImNoYWxsZW5nZStqd3QifQ.eyJzdWIiOiJ4In0.c2lnbmF0dXJl'
