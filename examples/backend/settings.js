const {
  SMS_LOGIN_URL: loginUrl = 'http://127.0.0.1:3000',
  SMS_LOGIN_ADMIN_URL: adminUrl = 'http://127.0.0.1:3001',
  SMS_LOGIN_API_KEY: apiKey = '',
  AUDIENCE: audience = loginUrl,
  PORT: port = '4000'
} = process.env

if (apiKey === '') throw new Error('SMS_LOGIN_API_KEY must be set: see docs/admin-api.md')

/**
 * `loginUrl` is JWT_ISSUER of sms-login, which is also its URL. `audience` is the name of this
 * backend in JWT_AUDIENCE. `apiKey` opens the admin API at `adminUrl`.
 */
export const settings = { loginUrl, adminUrl, apiKey, audience, port: Number(port) }
