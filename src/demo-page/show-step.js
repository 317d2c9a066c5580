/**
 * Shows one step of the page and none of the others, and moves the focus to where it goes on.
 * @param {'Log in' | 'Enter the code' | 'Logged in'} name
 * @param {HTMLElement} next
 */
export function showStep (name, next) {
  for (const step of document.querySelectorAll('[data-step]')) {
    if (step instanceof HTMLElement) step.hidden = step.dataset['step'] !== name
  }
  document.title = `${name} – sms-login`
  next.focus()
}
