import { z } from 'zod'
import type { PendingCode } from '../domain/pending-code.ts'
import type { ChallengeTokens } from '../http/challenge-tokens.ts'
import { exampleChallengeToken } from './fields.ts'

/** What /login and /resend answer. */
export const pendingCodeSchema = z.object({
  challengeToken: z.string().meta({ description: 'A JWT that opens POST /verify and POST /resend, and nothing else.' }),
  expiresIn: z.int().meta({ description: 'Seconds until this is over: the login, or the confirmation.' }),
  destination: z.string().meta({ description: 'The number the code goes to, masked.' }),
  codeLength: z.int().meta({ description: 'How many digits to ask the person for.' }),
  codeExpiresIn: z.int().meta({ description: 'Seconds until the code is no longer good.' }),
  resendIn: z.int().meta({ description: 'Seconds until POST /resend sends another text.' }),
  sent: z.boolean().meta({ description: 'False when an earlier text is still good, so that no second one went out.' })
}).meta({
  id: 'PendingCode',
  description: 'A code is on its way, and this is how to go on.',
  examples: [{
    challengeToken: exampleChallengeToken,
    expiresIn: 600,
    destination: '+1•••••••06',
    codeLength: 6,
    codeExpiresIn: 60,
    resendIn: 30,
    sent: true
  }]
})

/** The reply for a pending code, with a token in place of the challenge's id. */
export const pendingCodeReply = (tokens: ChallengeTokens, codeLength: number, { challengeId, expiresAt, ...pending }: PendingCode) =>
  ({ challengeToken: tokens.sign(challengeId, expiresAt), codeLength, ...pending })
