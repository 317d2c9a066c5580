import { runCommand } from './run-command.ts'
import { userCommands } from './user-commands.ts'

const usage = `Usage: npm run users -- <command>

  add <username> <+E164 phone> [language]
                                      add a user; the password comes from standard input or a prompt
  import <file> [options]             add the users of a file, or of standard input for -:
                                      --format ndjson|csv|django, --default-country <code>,
                                      --phones <csv>, --dry-run
  list [--json]                       list all users
  search <prefix> [--json]            list the users whose usernames begin with the prefix
  show <username> [--json]            show everything about a user, and why they cannot log in
  rename <username> <new username>    change the username
  delete <username> [--yes]           delete the user; on a terminal it asks first, without --yes
  disable <username>                  refuse the user's logins and tokens
  enable <username>                   allow them again
  unlock <username>                   reset the user's lockouts and rate limits, and say which
  set-phone <username> <+E164 phone>  send the user's codes to another number
  set-locale <username> <language>    send the user's messages in a language, such as de or pt-BR;
                                      auto: in the language that the app requests
  set-claims <username> <json>        replace the claims that access tokens contain, such as
                                      '{"roles": ["admin"]}'; {} or null removes all
  set-password <username>             replace the password; it comes from standard input or a prompt
  sessions <username>                 list the user's sessions
  logout <username>                   end all of the user's sessions

disable, set-phone and set-password also end all of the user's sessions.
set-password also does what unlock does. So does set-phone, except for wrong passwords.
--json prints a JSON object per line, with phone numbers in full.
`

process.exitCode = await runCommand(userCommands, usage, process.argv.slice(2))
