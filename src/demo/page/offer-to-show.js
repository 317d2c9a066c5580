/**
 * Lets a button show and hide the passwords of its form. Resetting the form hides them. Returns a
 * function that hides them too.
 * @param {HTMLButtonElement} button
 * @param {HTMLInputElement[]} fields
 */
export function offerToShow(button, ...fields) {
  const noun = fields.length === 1 ? 'password' : 'passwords'
  /** @param {boolean} visible */
  function show(visible) {
    for (const field of fields) field.type = visible ? 'text' : 'password'
    button.textContent = `${visible ? 'Hide' : 'Show'} ${noun}`
  }
  const hide = () => show(false)
  button.addEventListener('click', () => show(fields[0]?.type === 'password'))
  button.form?.addEventListener('reset', hide)
  return hide
}
