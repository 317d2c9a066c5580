/**
 * Marks a field as the one that the shown problem is about. Selects its content, so that typing
 * replaces it. `showProblem` removes the mark.
 * @param {HTMLInputElement} field
 */
export function markInvalid(field) {
  field.ariaInvalid = 'true'
  field.focus()
  field.select()
}
