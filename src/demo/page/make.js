/**
 * Creates an element. Content from the service is set as text, so it can't become markup.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} [text]
 * @param {string} [className]
 */
export function make(tag, text = '', className = '') {
  const made = document.createElement(tag)
  made.textContent = text
  made.className = className
  return made
}

/**
 * A row of a description list.
 * @param {string[]} row name and value
 */
export function describe([name, value]) {
  const made = make('div')
  made.append(make('dt', name), make('dd', value))
  return made
}
