import { createElement, StrictMode, type InputHTMLAttributes } from 'react'
import { act, create } from 'react-test-renderer'
import t, { type Test } from 'tap'
import { useOneTimeCode } from './use-one-time-code.ts'
import { codesInAllScripts } from '../../test/support/codes-in-all-scripts.ts'

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })

// The props in React's types without the types of a browser, which this project does not include.
type Input = InputHTMLAttributes<{ value: string }>
type Field = ReturnType<typeof useOneTimeCode>

/** Renders a form with the field. */
function form(t: Test) {
  const codes: string[] = []
  const Form = ({ pending }: { pending: { codeLength: number } }) =>
    createElement(
      'input',
      useOneTimeCode(pending, code => {
        codes.push(code)
      }) satisfies Input
    )
  const element = (pending: { codeLength: number }) =>
    createElement(StrictMode, null, createElement(Form, { pending }))
  let rendered = create(createElement('p'))
  const show = (pending: { codeLength: number }) =>
    act(() => {
      rendered.update(element(pending))
    })
  const unmount = () =>
    act(() => {
      rendered.unmount()
    })
  act(() => {
    rendered = create(element({ codeLength: 6 }))
  })
  t.teardown(unmount)
  const field = () => rendered.root.findByType('input').props as Field
  return {
    codes,
    show,
    unmount,
    field,
    type: (value: string) =>
      act(() => {
        field().onChange({ target: { value } })
      })
  }
}

/** Simulates a browser with WebOTP. `deliver` resolves a pending call with the code. */
function webOtp(t: Test) {
  const waiting: { deliver: (code: string | null) => void; signal: AbortSignal }[] = []
  const get = ({ otp, signal }: { otp: object; signal: AbortSignal }) =>
    new Promise((resolve, reject) => {
      t.same(otp, { transport: ['sms'] })
      signal.addEventListener('abort', () => reject(signal.reason))
      waiting.push({ signal, deliver: code => resolve(code === null ? null : { code }) })
    })
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator')
  Object.defineProperty(globalThis, 'navigator', {
    value: { credentials: { get } },
    configurable: true
  })
  Object.defineProperty(globalThis, 'OTPCredential', { value: class {}, configurable: true })
  t.teardown(() => {
    Reflect.deleteProperty(globalThis, 'OTPCredential')
    Reflect.deleteProperty(globalThis, 'navigator')
    if (before !== undefined) Object.defineProperty(globalThis, 'navigator', before)
  })
  return { waiting, live: () => waiting.filter(({ signal }) => !signal.aborted) }
}

t.test('without WebOTP the field accepts typing and is marked for a one-time code', async t => {
  const { codes, field, type, show } = form(t)
  t.match(field(), { value: '', inputMode: 'numeric', autoComplete: 'one-time-code' })
  type('04213')
  t.same(codes, [])
  type('042 137 ')
  t.equal(field().value, '042137')
  type('0421370')
  t.same(codes, ['042137'], 'onCode is called once per code')
  type('04213')
  type('042138')
  t.same(codes, ['042137', '042138'])
  show({ codeLength: 8 })
  t.equal(field().value, '', 'a new message clears the field')
  type('12345678')
  t.equal(codes.at(-1), '12345678')
})

t.test('a code typed in the digits of any script arrives in ASCII digits', async t => {
  const { codes, field, type } = form(t)
  for (const code of codesInAllScripts('042137')) {
    type('')
    type(code)
    t.equal(field().value, '042137', code)
    t.equal(codes.pop(), '042137', code)
  }
  type('٠٤٢')
  t.equal(field().value, '042', 'incomplete codes are converted too')
})

t.test('with WebOTP the message fills the field, and the next message is awaited', async t => {
  const { live } = webOtp(t)
  const { codes, field, show } = form(t)
  t.equal(live().length, 1)
  await act(async () => live()[0]?.deliver('042137'))
  t.equal(field().value, '042137')
  t.same(codes, ['042137'])
  const second = { codeLength: 6 }
  show(second)
  show(second)
  t.equal(live().length, 1, 'the previous wait was aborted')
  await act(async () => live()[0]?.deliver('555555'))
  t.same(codes, ['042137', '555555'])
})

t.test('the wait ends when the field is removed or the user declines', async t => {
  const { waiting, live } = webOtp(t)
  const { codes, unmount, type } = form(t)
  await act(async () => live()[0]?.deliver(null))
  type('111111')
  t.same(codes, ['111111'])
  unmount()
  t.equal(live().length, 0)
  await act(async () => waiting.at(-1)?.deliver('222222'))
  t.same(codes, ['111111'])
})
