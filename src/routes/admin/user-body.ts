import { z } from 'zod'
import { maxUsernameLength } from '../../domain/login/username.ts'
import { mustBe, passwordField, storedTextField, textField } from '../fields.ts'

const fields = {
  username: storedTextField(maxUsernameLength).meta({
    description:
      'Letters and digits of any script, and what e-mail addresses contain. Usernames that ' +
      'differ only in case or width are the same.'
  }),
  password: passwordField.optional().meta({
    description: 'At least 8 characters, not a common password, and without the username.'
  }),
  passwordHash: storedTextField(1024)
    .optional()
    .meta({
      description:
        'A hash of another system instead of `password`: argon2, scrypt, bcrypt, PBKDF2, or one ' +
        "of Django's or Firebase's. The next login replaces it."
    }),
  phone: storedTextField(64).nullable().optional().meta({
    description: 'A personal line in an allowed country, in E.164. Punctuation is removed.'
  }),
  locale: textField(128).nullable().optional().meta({
    description: 'A BCP 47 tag. With null, `Accept-Language` decides.'
  }),
  claims: z
    .record(z.string(), z.unknown(), mustBe('an object'))
    .optional()
    .meta({
      description:
        'At most 2 KiB of JSON for access tokens. `roles`, `groups` and `entitlements` are lists ' +
        'of strings. Names that access tokens or RFC 7519 define are refused.'
    }),
  disabled: z.boolean(mustBe('true or false')).optional()
}

export const createUserBody = z.strictObject(fields).meta({
  id: 'CreateUserRequest',
  examples: [
    {
      username: 'ada@example.com',
      password: 'correct horse battery',
      phone: '+12025550143',
      locale: 'en-GB',
      claims: { roles: ['admin'] }
    }
  ]
})

export const changeUserBody = z
  .strictObject({ ...fields, username: fields.username.optional() })
  .refine(body => Object.keys(body).length > 0, 'must have at least one field')
  .meta({
    id: 'ChangeUserRequest',
    minProperties: 1,
    examples: [{ phone: '+12025550199', claims: { roles: ['admin', 'reader'] } }]
  })
