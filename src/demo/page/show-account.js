import { byId } from './by-id.js'
import { slugOf } from './call-service.js'
import { describe, make } from './make.js'
import { once } from './once.js'
import { showProblem } from './show-problem.js'
import { showStatus } from './show-status.js'
import { showStep } from './show-step.js'
import { spellPhone, spellTime } from './spell.js'
import { showLanguage } from './watch-language.js'

/** @typedef {import('./call-service.js').Problem} Problem */
/** @typedef {import('./call-service.js').Schemas} Schemas */
/** @typedef {Schemas['Sessions']['sessions'][number]} Listed */
/** @typedef {ReturnType<typeof import('./hold-session.js').holdSession>} Session */

const me = byId('me', HTMLElement)
const list = byId('sessions', HTMLElement)
const listCard = byId('sessions-card', HTMLElement)

/**
 * Shows the current user and their sessions.
 * @param {Session} session
 */
export async function showAccount(session) {
  showStatus('')
  for (const { parentElement } of document.querySelectorAll('[data-step="Logged in"] .problem'))
    if (parentElement !== null) showProblem(parentElement)
  byId('receipt', HTMLElement).hidden = true
  me.replaceChildren()
  list.replaceChildren()
  showStep('Logged in', byId('me-title', HTMLElement))
  await Promise.all([showMe(session), showSessions(session)])
}

/**
 * Goes back to one card of the account and shows the problem, if any, that led there.
 * @param {HTMLFormElement} form
 * @param {HTMLElement} title
 * @param {Problem} [problem]
 */
export function showCard(form, title, problem) {
  showStatus('')
  showProblem(form, problem)
  showStep('Logged in', title)
}

/**
 * Shows the current user.
 * @param {Session} session
 */
export async function showMe(session) {
  /** @type {import('./call-service.js').Result<Schemas['Me']>} */
  const { data, problem } = await session.call('GET', '/me')
  showProblem(byId('me-card', HTMLElement), problem)
  if (data === undefined) return
  const rows = [
    ['Username', data.username],
    ['Phone', data.phone === null ? 'none' : spellPhone(data.phone)],
    ['Logged in', spellTime(data.authenticatedAt)]
  ]
  me.replaceChildren(...rows.map(describe))
  showLanguage(data.locale)
  // The default value, because it survives resetting the form.
  byId('account-username', HTMLInputElement).defaultValue = data.username
}

/**
 * Lists the user's sessions. Each except the current one has a button that ends it.
 * @param {Session} session
 */
export async function showSessions(session) {
  /** @type {import('./call-service.js').Result<Schemas['Sessions']>} */
  const { data, problem } = await session.call('GET', '/sessions')
  showProblem(listCard, problem)
  if (data === undefined) return
  list.replaceChildren(...data.sessions.map(one => row(session, one)))
  const others = byId('end-others', HTMLButtonElement)
  others.hidden = data.sessions.length < 3
  others.onclick = () => end(session, '/sessions', 'All other sessions have been ended.')
}

/**
 * @param {Session} session
 * @param {Listed} one
 */
function row(session, { id, client, createdAt, lastUsedAt, current }) {
  const name = make('p', client ?? 'An unknown app')
  if (current) name.append(make('span', 'this one', 'this'))
  const text = make('div')
  text.append(
    name,
    make('p', `Logged in ${spellTime(createdAt)}`, 'muted'),
    make('p', `Last used ${spellTime(lastUsedAt)}`, 'muted')
  )
  const item = make('li')
  item.append(text)
  if (!current) {
    const button = make('button', 'End')
    button.ariaLabel = `End ${client ?? 'an unknown app'}, logged in ${spellTime(createdAt)}`
    button.onclick = () => end(session, `/sessions/${id}`, 'Session ended.')
    item.append(button)
  }
  return item
}

/**
 * @param {Session} session
 * @param {string} path
 * @param {string} done
 */
const end = (session, path, done) =>
  once(listCard, async () => {
    const { problem } = await session.call('DELETE', path)
    // A session that is not found has already ended.
    if (problem !== undefined && slugOf(problem) !== 'not-found')
      return showProblem(listCard, problem)
    await showSessions(session)
    showStatus(done)
    // The button that had the focus is gone.
    byId('sessions-title', HTMLElement).focus()
  })
