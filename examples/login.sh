#!/bin/sh
# A complete session from a shell: log in, list the sessions, refresh, confirm an action, change the
# password and the number, log out. Needs only curl.
#
#   SMS_LOGIN_URL=https://login.example.com sh examples/login.sh
#
# No secret is an argument of a program, because other users could read it in the list of processes.
# curl reads secrets from standard input, which printf, a builtin of the shell, writes.
set -eu
url=${SMS_LOGIN_URL:-http://127.0.0.1:3000}
while [ "$url" != "${url%/}" ]; do url=${url%/}; done
newline='
'
tab=$(printf '\t')

# json <text>: prints the text as a JSON string. curl's config files use the same escapes.
json () { printf '"%s"' "$(printf %s "$1" | sed "s/[\\\\\"]/\\\\&/g; s/$tab/\\\\t/g")"; }

# call <method> <path> [<body>]: sends a request, with the access token if there is one, and stores
# the response in $status and $response.
accessToken=
call () {
  response=$({
    [ -z "$accessToken" ] || printf 'header = "authorization: Bearer %s"\n' "$accessToken"
    [ $# -lt 3 ] || {
      printf 'header = "content-type: application/json"\n'
      printf 'data-raw = %s\n' "$(json "$3")"
    }
  } | curl -sS --config - --request "$1" --write-out '\n%{http_code}' "$url$2")
  status=${response##*"$newline"}
  response=${response%"$newline"*}
}

# field <name>: prints a string or a number at the top level of $response.
field () {
  printf %s "$response" |
    sed -n -e "s/.*\"$1\":\"\([^\"]*\).*/\1/p" -e t -e "s/.*\"$1\":\([^,}]*\).*/\1/p"
}

# problem: prints the stable name of the problem, or nothing if the response is not a problem.
problem () {
  case $response in
    *'"type":"'*/problems/*) type=$(field type); printf %s "${type##*/}" ;;
  esac
}

# expect <status>: ends the script with the problem unless the response has this status.
expect () {
  [ "$status" != "$1" ] || return 0
  echo "Refused: $status $(problem): $(field title). $(field detail)" >&2
  exit 1
}

# asciiDigits <text>: replaces the decimal digits of any script, which a keyboard may type, with
# ASCII digits. Each entry is a script's zero in UTF-8: octal escapes, then the last byte in
# decimal.
rules=
zeros='
  331:160 333:176 337:128 340\245:166 340\247:166 340\251:166 340\253:166 340\255:166
  340\257:166 340\261:166 340\263:166 340\265:166 340\267:166 340\271:144 340\273:144
  340\274:160 341\201:128 341\202:144 341\237:160 341\240:144 341\245:134 341\247:144
  341\252:128 341\252:144 341\255:144 341\256:176 341\261:128 341\261:144 352\230:160
  352\243:144 352\244:128 352\247:144 352\247:176 352\251:144 352\257:176 357\274:144
  360\220\222:160 360\220\264:176 360\220\265:128 360\221\201:166 360\221\203:176
  360\221\204:182 360\221\207:144 360\221\213:176 360\221\221:144 360\221\223:144
  360\221\231:144 360\221\233:128 360\221\233:144 360\221\233:154 360\221\234:176
  360\221\243:160 360\221\245:144 360\221\257:176 360\221\261:144 360\221\265:144
  360\221\266:160 360\221\267:160 360\221\275:144 360\226\204:176 360\226\251:160
  360\226\253:128 360\226\255:144 360\226\265:176 360\234\263:176 360\235\237:142
  360\235\237:152 360\235\237:162 360\235\237:172 360\235\237:182 360\236\205:128
  360\236\213:176 360\236\223:176 360\236\227:177 360\236\245:144 360\237\257:176'
for zero in $zeros; do
  for digit in 0 1 2 3 4 5 6 7 8 9; do
    byte=$((${zero##*:} + digit))
    rules="${rules}s/\\${zero%:*}\\$((byte / 64))$((byte / 8 % 8))$((byte % 8))/$digit/g\n"
  done
done
# The escapes are in the format, because not every shell's %b knows octal escapes of three digits.
# shellcheck disable=SC2059
rules=$(printf "$rules")
asciiDigits () { printf %s "$1" | LC_ALL=C sed "$rules"; }

# ask <prompt>: reads a line into $line.
ask () {
  printf '%s' "$1"
  IFS= read -r line
}

# askSecret <question>: like ask. A terminal does not show what is typed.
askSecret () {
  [ ! -t 0 ] || stty -echo
  ask "$1"
  [ ! -t 0 ] || stty echo
  echo
}
if [ -t 0 ]; then
  trap 'stty echo' EXIT
  trap 'exit 130' INT TERM
fi

# enterCode <verify path> <resend path> <token field> <status>: asks for the code until it is
# correct, which the service confirms with this status, or no attempts are left. POST /challenge says
# whether the message has arrived.
enterCode () {
  echo "   A message was sent to $(field destination)."
  echo "   Its code has $(field codeLength) digits and is valid for $(field codeExpiresIn) seconds."
  while :; do
    ask 'Code (empty to send a new one, ? to see whether it has arrived): '
    if [ "$line" = '?' ]; then
      call POST /challenge "{\"challengeToken\":\"$token\"}"
      expect 200
      echo "   Delivery: $(field delivery) $(field deliveryReason)"
    elif [ -z "$line" ]; then
      call POST "$2" "{\"$3\":\"$token\"}"
      case $(problem) in
        resend-too-soon) echo "   You can request a new code in $(field retryAfter) seconds." ;;
        *) expect 200; echo '   A new code was sent.' ;;
      esac
    else
      call POST "$1" "{\"$3\":\"$token\",\"code\":$(json "$(asciiDigits "$line")")}"
      case $(problem) in
        wrong-code)
          case $(field attemptsRemaining) in
            0) echo 'Wrong code, and no attempts are left. Start again.' >&2; exit 1 ;;
            1) echo '   Wrong code. 1 attempt is left.' ;;
            *) echo "   Wrong code. $(field attemptsRemaining) attempts are left." ;;
          esac ;;
        code-expired) echo '   The code has expired.' ;;
        invalid-request) echo '   This is not a code.' ;;
        *) expect "$4"; return ;;
      esac
    fi
  done
}

# storeTokens: stores the tokens of the response to POST /verify or POST /refresh.
storeTokens () {
  refreshToken=$(field refreshToken)
  accessToken=$(field accessToken)
}

echo "1. POST /login checks the password and sends a code. ($url)"
ask 'Username: '
username=$line
askSecret 'Password: '
password=$line
call POST /login "{\"username\":$(json "$username"),\"password\":$(json "$password")}"
expect 200
token=$(field challengeToken)

echo '2. POST /verify exchanges challenge and code for an access token and a refresh token.'
enterCode /verify /resend challengeToken 200
storeTokens
echo "   The access token is valid for $(field expiresIn) seconds."

echo '3. GET /me returns the user of the access token.'
call GET /me
expect 200
echo "   $response"

echo "4. GET /sessions lists the user's sessions."
call GET /sessions
expect 200
echo "   $response"

echo '5. POST /refresh exchanges the refresh token, which is single-use, for new tokens.'
call POST /refresh "{\"refreshToken\":\"$refreshToken\"}"
expect 200
storeTokens

echo '6. POST /confirmations sends a code that confirms only this action.'
transfer='{"amount":"250.00","currency":"EUR","payee":"Grace Hopper"}'
call POST /confirmations "{\"action\":\"transfer\",\"data\":$transfer,\"reference\":\"example-1\"}"
if [ "$(problem)" = unknown-action ]; then
  echo '   Skipped: this server has no template for a transfer (CONFIRMATION_TEMPLATES).'
else
  expect 201
  token=$(field confirmationToken)
  echo "   To be confirmed: $(field text)"
  enterCode /confirmations/verify /confirmations/resend confirmationToken 200
  echo "   Confirmed: the receipt for the payment service is valid for $(field expiresIn) seconds."
fi

echo '7. POST /me/password changes the password and ends all other sessions.'
askSecret 'New password (empty to keep the current one): '
if [ -n "$line" ]; then
  call POST /me/password "{\"currentPassword\":$(json "$password"),\"newPassword\":$(json "$line")}"
  expect 204
  echo '   The password has been changed.'
fi

echo '8. POST /me/phone sends a code to a new number. POST /me/phone/verify changes the number.'
ask 'New number, with + and the country code (empty to keep the current one): '
if [ -n "$line" ]; then
  call POST /me/phone "{\"phone\":$(json "$line")}"
  expect 200
  token=$(field challengeToken)
  enterCode /me/phone/verify /resend challengeToken 204
  echo '   The number has been changed.'
fi

echo '9. POST /logout ends the session. GET /me fails immediately.'
call POST /logout "{\"refreshToken\":\"$refreshToken\"}"
expect 204
call GET /me
echo "   $status $(problem)"
