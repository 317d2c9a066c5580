import { limitCommands } from './limit-commands.ts'
import { runCommand } from './run-command.ts'

const usage = `Usage: npm run limits -- <command>

  show country <code> [--json]        show the counts of messages to a country, such as GB
  show ip <address> [--json]          show the limits of the network of an address
  show total [--json]                 show the limit of all messages
  clear country <code>                reset them, and end a pause of messages to the country
  clear ip <address>                  reset them, and those of the wider networks around IPv6
  clear total                         reset it

npm run users -- unlock <username> resets the limits of one user.
`

process.exitCode = await runCommand(limitCommands, usage, process.argv.slice(2))
