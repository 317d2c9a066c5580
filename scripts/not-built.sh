#!/bin/sh
# Prints which command builds the service. The build is missing after npm ci --ignore-scripts, or
# after an installation without the development packages that the build needs.

command='npm ci --include=dev'
if test -e node_modules/.bin/tap; then command='npm run build'; fi
echo "sms-login is not built. Run: $command" >&2
exit 1
