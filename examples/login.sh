#!/bin/sh
# The whole of sms-login from a shell: log in, look around, refresh, confirm an action, log out. Needs curl and nothing else.
#
#   SMS_LOGIN_URL=https://login.example.com sh examples/login.sh
#
# No secret is an argument of a program, where others could read it in the list of processes: curl gets them on its
# standard input, from printf, which is a part of the shell.
set -eu
url=${SMS_LOGIN_URL:-http://127.0.0.1:3000}
newline='
'
tab=$(printf '\t')

# json <text>: the text as a JSON string. (The same escapes make it one in a config file of curl.)
json () { printf '"%s"' "$(printf %s "$1" | sed "s/[\\\\\"]/\\\\&/g; s/$tab/\\\\t/g")"; }

# call <method> <path> [<body>]: puts what comes back in $status and $answer. Sends the access token, once there is one.
accessToken=
call () {
  answer=$({
    [ -z "$accessToken" ] || printf 'header = "authorization: Bearer %s"\n' "$accessToken"
    [ $# -lt 3 ] || printf 'header = "content-type: application/json"\ndata-raw = %s\n' "$(json "$3")"
  } | curl -sS --config - --request "$1" --write-out '\n%{http_code}' "$url$2")
  status=${answer##*"$newline"}
  answer=${answer%"$newline"*}
}

# field <name>: a string or a number at the top of $answer.
field () { printf %s "$answer" | sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p"; }

# problem: the name that a failure goes by, which never changes; empty for what is no failure.
problem () { case $answer in *'"type":"'*/problems/*) type=$(field type); printf %s "${type##*/}" ;; esac; }

# want <status>: goes on if this is what came back, or tells what did and ends.
want () {
  [ "$status" != "$1" ] || return 0
  echo "Refused: $status $(problem): $(field title). $(field detail)" >&2
  exit 1
}

# ask <question>: a line, in $line.
ask () {
  printf '%s' "$1"
  IFS= read -r line
}

# code <verify> <resend> <token field>: asks for the code until it is right or there is no more to be asked for.
code () {
  echo "   A text went to $(field destination); its code has $(field codeLength) digits and is good for $(field codeExpiresIn) seconds."
  while :; do
    ask 'Code (or nothing, to have another texted): '
    if [ -z "$line" ]; then
      call POST "$2" "{\"$3\":\"$token\"}"
      case $(problem) in
        resend-too-soon) echo "   Not yet: in $(field retryAfter) seconds." ;;
        *) want 200; echo '   Another one is on its way.' ;;
      esac
    else
      call POST "$1" "{\"$3\":\"$token\",\"code\":$(json "$line")}"
      case $(problem) in
        wrong-code) echo "   Wrong. It can be tried $(field attemptsRemaining) more times." ;;
        code-expired) echo '   Too late for this one.' ;;
        invalid-request) echo '   That is not a code.' ;;
        *) want 200; return ;;
      esac
    fi
  done
}

# tokens: keeps what POST /verify or POST /refresh has answered.
tokens () {
  refreshToken=$(field refreshToken)
  accessToken=$(field accessToken)
}

echo "1. POST /login checks the password and texts a code. ($url)"
ask 'Username: '
username=$line
if [ -t 0 ]; then
  trap 'stty echo' EXIT
  trap 'exit 130' INT TERM
  stty -echo
fi
ask 'Password: '
if [ -t 0 ]; then stty echo; fi
echo
call POST /login "{\"username\":$(json "$username"),\"password\":$(json "$line")}"
want 200
token=$(field challengeToken)

echo '2. POST /verify exchanges challenge and code for an access token and a refresh token.'
code /verify /resend challengeToken
tokens
echo "   The access token is good for $(field expiresIn) seconds."

echo '3. GET /me says whose access token this is.'
call GET /me
want 200
echo "   $answer"

echo '4. GET /sessions lists where this person is logged in.'
call GET /sessions
want 200
echo "   $answer"

echo '5. POST /refresh exchanges the refresh token for new tokens; the old one is used up.'
call POST /refresh "{\"refreshToken\":\"$refreshToken\"}"
want 200
tokens

echo '6. POST /confirmations texts an action to be confirmed; its code is good for nothing else.'
call POST /confirmations '{"action":"transfer","data":{"amount":"250.00","currency":"EUR","payee":"Grace Hopper"},"reference":"example-1"}'
if [ "$(problem)" = unknown-action ]; then
  echo '   This server has no sentence for a transfer (CONFIRMATION_TEMPLATES), so it is left out.'
else
  want 201
  token=$(field confirmationToken)
  echo "   To be confirmed: $(field text)"
  code /confirmations/verify /confirmations/resend confirmationToken
  echo "   Confirmed: the receipt, for the service that acts on it, is good for $(field expiresIn) seconds."
fi

echo '7. POST /logout ends the session, and GET /me knows at once.'
call POST /logout "{\"refreshToken\":\"$refreshToken\"}"
want 204
call GET /me
echo "   $status $(problem)"
