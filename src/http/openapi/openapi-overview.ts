/** The parts of openapi.yaml that don't come from the routes. */
export const openapiOverview = {
  info: {
    title: 'sms-login',
    version: '0.1.0',
    summary: 'Two-factor login: password, then a one-time code by SMS, then a JWT.',
    description: `Log users in with a password and a one-time code by SMS. They get a JWT that any
service can verify.

1. \`POST /login\` checks the password and sends a code.
2. \`POST /verify\` exchanges the code for an access token and a refresh token. \`POST /resend\`
   sends a new code.
3. \`POST /refresh\` exchanges the refresh token for new tokens, without a code, until
   \`POST /logout\`.

Request bodies are JSON of at most 16 KiB. Unknown keys are rejected, and an invalid request
changes nothing. Unknown paths return \`404 not-found\`. Unsupported methods return
\`405 method-not-allowed\` with an \`Allow\` header.

Every failure is a problem document (RFC 9457) of type \`application/problem+json\`. The schema
\`Problem\` lists all types. When the service hosts this documentation, the problems follow the
endpoints, and \`type\` can be opened in a browser.

Every response has an \`X-Request-Id\`, by which the operator finds the request in the log. Send
your own to use the same id in your log.
`,
    license: { name: 'MIT', identifier: 'MIT' }
  },
  servers: [{ url: 'http://127.0.0.1:3000', description: 'The default of `npm start`.' }],
  tags: [
    { name: 'Login', description: 'The two steps of a login.' },
    { name: 'Sessions', description: 'Refresh, list and end sessions.' },
    {
      name: 'Confirmations',
      description: 'Confirm an action with a code. The user reads exactly what is signed.'
    },
    { name: 'Account', description: "The account of the access token's user." },
    { name: 'Tokens', description: 'Verify access tokens.' },
    { name: 'Operations', description: 'Health checks for load balancers and process managers.' }
  ],
  security: [],
  components: {
    securitySchemes: {
      accessToken: {
        type: 'http' as const,
        scheme: 'bearer',
        bearerFormat: 'JWT',
        description: 'The `accessToken` of `POST /verify` or `POST /refresh`.'
      }
    }
  }
}

/** The same for the admin API, whose paths have a server of their own in openapi.yaml. */
export const adminOverview = {
  info: openapiOverview.info,
  servers: [{ url: 'http://127.0.0.1:3001', description: 'The admin API, on `ADMIN_PORT`.' }],
  tags: [
    {
      name: 'Users',
      description:
        'The admin API: manage users from your own backend. It is served on `ADMIN_PORT` only.'
    }
  ],
  security: [],
  components: {
    securitySchemes: {
      apiKey: {
        type: 'http' as const,
        scheme: 'bearer',
        description: 'A key from `npm run keys -- new api`, whose hash is in `API_KEY_HASHES`.'
      }
    }
  }
}
