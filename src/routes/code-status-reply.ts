import { z } from 'zod'
import type { CodeStatus } from '../domain/codes/code-status.ts'
import type { ChallengeTokens } from '../http/tokens/challenge-tokens.ts'
import { exampleChallengeToken } from './fields.ts'

/** The response of /login, /me/phone and /resend. */
export const codeStatusSchema = z
  .object({
    challengeToken: z
      .string()
      .meta({ description: 'A JWT that only POST /resend and the next step accept.' }),
    expiresIn: z.int().meta({ description: 'Seconds until the request for a code expires.' }),
    destination: z.string().meta({ description: 'The masked number that the code is sent to.' }),
    codeLength: z.int().meta({ description: 'The number of digits to ask the user for.' }),
    codeExpiresIn: z.int().meta({ description: 'Seconds until the code expires.' }),
    resendIn: z.int().meta({ description: 'Seconds until a new code can be requested.' }),
    sent: z.boolean().meta({
      description: 'False when no message was sent because an earlier code is still valid.'
    })
  })
  .meta({
    id: 'Challenge',
    description: 'A pending code, and the token to submit it with.',
    examples: [
      {
        challengeToken: exampleChallengeToken,
        expiresIn: 600,
        destination: '+1•••••••06',
        codeLength: 6,
        codeExpiresIn: 60,
        resendIn: 30,
        sent: true
      }
    ]
  })

/** The response body for a pending code. It has a signed token instead of the challenge's id. */
export const codeStatusReply = <Status extends CodeStatus>(
  tokens: ChallengeTokens,
  codeLength: number,
  { challengeId, expiresAt, ...pending }: Status
) => ({ challengeToken: tokens.sign(challengeId, expiresAt), codeLength, ...pending })
