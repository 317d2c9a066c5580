import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import pino from 'pino'
import { buildAdminApp } from '../src/admin-app.ts'
import { buildApp } from '../src/app.ts'
import { readConfig } from '../src/config/config.ts'
import type { AdminPorts, Ports } from '../src/domain/ports.ts'
import { openapiYaml } from '../src/http/openapi/openapi.ts'
import { isMain } from '../src/commands/is-main.ts'

/** Returns the content of openapi.yaml for the current routes and the default configuration. */
export async function defaultOpenapiYaml(): Promise<string> {
  // The applications receive no request, so they never use their ports.
  const ports = {} as Ports
  const adminPorts = { adminRequests: {} } as AdminPorts
  const settings = {
    production: true,
    secrets: [randomBytes(32)] as const,
    trustedProxies: [],
    keepAliveTimeoutMs: 72_000
  }
  const log = pino({ level: 'silent' })
  const app = await buildApp(
    ports,
    {
      ...settings,
      signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
      issuer: 'http://127.0.0.1:3000',
      audience: 'http://127.0.0.1:3000',
      accessTokenTtl: 900,
      codeLength: 6,
      policy: readConfig({}).policy,
      corsOrigins: [],
      docs: false,
      demoPage: false
    },
    log
  )
  const adminApp = await buildAdminApp(adminPorts, { ...settings, apiKeyHashes: [] }, log)
  await Promise.all([app.ready(), adminApp.ready()])
  return openapiYaml(app, { adminApp })
}

if (isMain(import.meta))
  writeFileSync(new URL('../openapi.yaml', import.meta.url), await defaultOpenapiYaml())
