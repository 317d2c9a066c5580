import { readFileSync } from 'node:fs'
import { Gauge, type Registry } from 'prom-client'

/** Adds a gauge that is always 1, with the versions of this service and of Node.js as labels. */
export function addBuildInfo(registry: Registry): void {
  const manifest = new URL('../../../package.json', import.meta.url)
  const { version }: { version: string } = JSON.parse(readFileSync(manifest, 'utf8'))
  new Gauge({
    name: 'sms_login_build_info',
    help: 'The versions of this service and of Node.js. Always 1.',
    labelNames: ['version', 'node_version'],
    registers: [registry]
  }).set({ version, node_version: process.versions.node }, 1)
}
