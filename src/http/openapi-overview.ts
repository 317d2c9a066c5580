import { problemList } from './problem-list.ts'

/** What openapi.yaml says besides its routes. */
export const openapiOverview = {
  info: {
    title: 'sms-login',
    version: '0.1.0',
    summary: 'Password, then a code by text message, then a token.',
    description: `Log people in with a password and a code by text message, and get a JWT that any service can verify.

1. \`POST /login\` checks the password and texts a code.
2. \`POST /verify\` exchanges the code for an access token and a refresh token; \`POST /resend\` texts another code.
3. \`POST /refresh\` exchanges the refresh token for new tokens, without a code, until \`POST /logout\`.

Bodies are JSON of at most 16 KiB. A key that is not listed here is an error, and nothing is done when anything is wrong
with a request. What is at no listed path is \`404 not-found\`, but for this documentation itself and, outside production, a page
to try it with at \`/\`; a method that is not listed, \`405 method-not-allowed\` with \`Allow\`.

## Problems

Every failure is a problem (RFC 9457), \`application/problem+json\`. Its \`type\` ends in one of these names, which stay the
same; here is what each means, and *what to do next*. Where this documentation is served, \`type\` can be opened in a browser.

${problemList()}
`,
    license: { name: 'MIT', identifier: 'MIT' }
  },
  servers: [{ url: 'http://127.0.0.1:3000', description: 'Where `npm start` listens.' }],
  tags: [
    { name: 'Login', description: 'The two steps of a login.' },
    { name: 'Sessions', description: 'A login that lasts: going on with it, seeing where it is, ending it.' },
    { name: 'Confirmations', description: 'The same code, for an action: what the person reads is what gets signed.' },
    { name: 'Tokens', description: 'What a login yields, and how others check it.' },
    { name: 'Operations', description: 'For load balancers and supervisors.' }
  ],
  security: [],
  components: {
    securitySchemes: {
      accessToken: { type: 'http' as const, scheme: 'bearer', bearerFormat: 'JWT', description: 'The `accessToken` of `POST /verify` or `POST /refresh`.' }
    }
  }
}
