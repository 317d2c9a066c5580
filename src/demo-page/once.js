/**
 * Does the work of a button or form, once at a time: a second click waits for nothing and does nothing.
 * @param {HTMLElement} part
 * @param {() => Promise<void>} work
 */
export async function once (part, work) {
  if (part.ariaBusy === 'true') return
  part.ariaBusy = 'true'
  await work().finally(() => { part.ariaBusy = 'false' })
}
