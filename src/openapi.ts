import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import pino from 'pino'
import { buildApp, type Ports } from './app.ts'
import { readConfig } from './config.ts'
import { openapiYaml } from './http/openapi.ts'

/** openapi.yaml as the routes are now, with the defaults of the configuration. */
export async function defaultOpenapiYaml (): Promise<string> {
  // Nothing is asked of it, so it needs no world to act in.
  const nowhere = {} as Ports
  const app = await buildApp(nowhere, {
    secrets: [randomBytes(32)],
    signingKeys: [generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    issuer: 'http://127.0.0.1:3000',
    audience: 'http://127.0.0.1:3000',
    accessTokenTtl: 900,
    codeLength: 6,
    policy: readConfig({}).policy,
    corsOrigins: [],
    trustedProxies: [],
    docs: false,
    demoPage: false
  }, pino({ level: 'silent' }))
  await app.ready()
  return openapiYaml(app)
}

if (import.meta.url === `file://${process.argv[1]}`) writeFileSync(new URL('../openapi.yaml', import.meta.url), await defaultOpenapiYaml())
