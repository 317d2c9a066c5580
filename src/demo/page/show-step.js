/**
 * Shows only this step of the page and moves the focus to `next`.
 * @param {'Log in' | 'Enter the code' | 'Logged in'} name
 * @param {HTMLElement} next
 */
export function showStep(name, next) {
  for (const step of document.querySelectorAll('[data-step]')) {
    if (step instanceof HTMLElement) step.hidden = step.dataset['step'] !== name
  }
  document.title = `${name} – sms-login`
  next.focus()
}
