import { z } from 'zod'

/** The error of a field that is missing or has another type than `type`. */
export const mustBe = (type: string) => ({
  error: ({ input }: { input?: unknown }) =>
    input === undefined ? 'is required' : `must be ${type}`
})

const boundedField = (most: number) =>
  z
    .string(mustBe('a string'))
    .min(1, 'must not be empty')
    .max(most, `must be at most ${most} characters`)

/**
 * A text field. Lone surrogates are rejected, because they have no UTF-8 encoding and hashing would
 * replace them. The check is a pattern so that openapi.yaml contains it.
 */
export const textField = (most: number) =>
  boundedField(most).regex(/^[^\ud800-\udfff]*$/u, 'must be valid Unicode')

/** A text field that is compared with a PostgreSQL column. PostgreSQL text can't contain NUL. */
export const storedTextField = (most: number) =>
  // eslint-disable-next-line no-control-regex -- The pattern excludes NUL.
  boundedField(most).regex(/^[^\u0000\ud800-\udfff]*$/u, 'must be valid Unicode without a NUL')

/** A password as the user typed it. */
export const passwordField = textField(256).meta({ format: 'password' })

export const codeField = (length: number) =>
  z
    .string(mustBe('a string'))
    .regex(new RegExp(`^[0-9]{${length}}$`), `must be ${length} digits`)
    .meta({
      description:
        'The `codeLength` digits from the message. A string, because leading zeros are significant.'
    })

/** A challenge token. Only its length is validated here. `ChallengeTokens` verifies it. */
export const challengeTokenField = textField(2048).meta({
  description: 'The `challengeToken` of POST /login or POST /resend.'
})

/** A refresh token. Only its length is validated here. `RefreshTokens` parses it. */
export const refreshTokenField = textField(2048).meta({
  description: 'The `refreshToken` of POST /verify or POST /refresh.'
})

/** Placeholders in example requests. /docs offers to send these examples. */
export const placeholder = {
  challengeToken: '<challengeToken of POST /login>',
  refreshToken: '<refreshToken of POST /verify>',
  confirmationToken: '<confirmationToken of POST /confirmations>',
  phoneChangeToken: '<challengeToken of POST /me/phone>'
}

/** A refresh token for examples. It belongs to no session. */
export const exampleRefreshToken =
  'q8kPz1xJw3mNfT5vRb2yAi0c7hYdUeSgLoXrKtVnMaBj9pQwZsFl4uGxEi6HkCvD'

/** A challenge token for examples. Its signature is invalid. */
export const exampleChallengeToken = 'eyJ0eXAiOiJjaGFsbGVuZ2Urand0In0.eyJzdWIiOiJ4In0.c2ln'

export const factorsField = z
  .object({
    sms: z.boolean().meta({ description: 'Whether codes can be sent to a phone number.' }),
    totp: z.boolean().meta({ description: 'Whether an authenticator app is enrolled.' }),
    recoveryCodes: z.int().meta({ description: 'The number of unused recovery codes.' })
  })
  .meta({ description: 'The second factors of the user.' })
