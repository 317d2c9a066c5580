import { useEffect, useRef, useState } from 'react'
import { asciiDigits } from '../ascii-digits.ts'

// The WebOTP API, which is missing in TypeScript's types: https://wicg.github.io/web-otp
declare const navigator: {
  credentials: {
    get: (options: {
      otp: { transport: ['sms'] }
      signal: AbortSignal
    }) => Promise<{ code: string } | null>
  }
}

/**
 * Returns the attributes of the <input> for a code. iOS and macOS offer the code above the
 * keyboard, Chrome on Android asks whether to fill it in, and on other platforms the user types it.
 * `pending` is the response of POST /login, /resend or /confirmations. A new response clears the
 * field and waits for the new message. `onCode` is called with each complete code.
 *
 *   const field = useOneTimeCode(pending, code => verify(pending.challengeToken, code))
 *   <input {...field} aria-label='Code' />
 */
export function useOneTimeCode(pending: { codeLength: number }, onCode: (code: string) => void) {
  const [value, setValue] = useState('')
  const accept = (input: string) => {
    const code = asciiDigits(input).slice(0, pending.codeLength)
    setValue(code)
    if (code.length === pending.codeLength && code !== value) onCode(code)
  }
  const latestAccept = useRef(accept)
  useEffect(() => {
    latestAccept.current = accept
  })

  useEffect(() => {
    setValue('')
    if (!('OTPCredential' in globalThis)) return
    const waiting = new AbortController()
    navigator.credentials
      .get({ otp: { transport: ['sms'] }, signal: waiting.signal })
      .then(credential => {
        if (credential !== null && !waiting.signal.aborted) latestAccept.current(credential.code)
      })
      .catch(() => {}) // Declined by the user, or aborted. The user can type the code.
    return () => waiting.abort()
  }, [pending])

  return {
    value,
    onChange: (event: { target: { value: string } }) => accept(event.target.value),
    inputMode: 'numeric' as const,
    autoComplete: 'one-time-code',
    autoFocus: true
  }
}
