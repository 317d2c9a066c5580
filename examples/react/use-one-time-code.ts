import { useEffect, useRef, useState } from 'react'
import { asciiDigits } from '../ascii-digits.ts'

// The WebOTP API, which TypeScript's own types lack: https://wicg.github.io/web-otp
declare const navigator: {
  credentials: {
    get: (options: {
      otp: { transport: ['sms'] }
      signal: AbortSignal
    }) => Promise<{ code: string } | null>
  }
}

/**
 * The attributes of the <input> for a code. iOS and macOS offer the code above the keyboard, Chrome
 * on Android asks whether to fill it in; elsewhere it is typed. `pending` is what POST /login,
 * /resend or /confirmations answered: a new answer empties the field and waits for the new text.
 * `onCode` is called with each code that is complete.
 *
 *   const field = useOneTimeCode(pending, code => verify(pending.challengeToken, code))
 *   <input {...field} aria-label='Code' />
 */
export function useOneTimeCode(pending: { codeLength: number }, onCode: (code: string) => void) {
  const [value, setValue] = useState('')
  const take = (text: string) => {
    const code = asciiDigits(text).slice(0, pending.codeLength)
    setValue(code)
    if (code.length === pending.codeLength && code !== value) onCode(code)
  }
  const takeLatest = useRef(take)
  useEffect(() => {
    takeLatest.current = take
  })

  useEffect(() => {
    setValue('')
    if (!('OTPCredential' in globalThis)) return
    const waiting = new AbortController()
    navigator.credentials
      .get({ otp: { transport: ['sms'] }, signal: waiting.signal })
      .then(text => {
        if (text !== null && !waiting.signal.aborted) takeLatest.current(text.code)
      })
      .catch(() => {}) // Declined, or no longer waited for: the person types.
    return () => waiting.abort()
  }, [pending])

  return {
    value,
    onChange: (event: { target: { value: string } }) => take(event.target.value),
    inputMode: 'numeric' as const,
    autoComplete: 'one-time-code',
    autoFocus: true
  }
}
