import { byId } from './by-id.js'
import { onSubmit } from './on-submit.js'
import { showProblem } from './show-problem.js'
import { showStatus } from './show-status.js'

const form = byId('change-language', HTMLFormElement)
const select = byId('language', HTMLSelectElement)

/**
 * Selects the language of the user's messages. Adds an option for a language that has none, because
 * an account may have any BCP 47 tag.
 * @param {string | null} locale
 */
export function showLanguage(locale) {
  const value = locale ?? ''
  if (![...select.options].some(option => option.value === value)) select.add(new Option(value))
  select.value = value
}

/**
 * Changes the language of messages whenever the form is submitted.
 * @param {import('./show-account.js').Session} session
 */
export function watchLanguage(session) {
  onSubmit(form, async () => {
    const locale = select.value === '' ? null : select.value
    const { problem } = await session.call('PATCH', '/me', { locale })
    showProblem(form, problem)
    if (problem === undefined) showStatus('The language of your messages has been changed.')
  })
}
