/**
 * Runs the action of a button or form, one at a time. Its buttons are disabled in the meantime.
 * @param {HTMLElement} part
 * @param {() => Promise<void>} work
 */
export async function once(part, work) {
  if (part.ariaBusy === 'true') return
  part.ariaBusy = 'true'
  const inside = [part, ...part.querySelectorAll('button')]
  const buttons = inside.filter(button => button instanceof HTMLButtonElement && !button.disabled)
  const focused = document.activeElement
  for (const button of buttons) button.toggleAttribute('disabled', true)
  await work().finally(() => {
    part.ariaBusy = 'false'
    for (const button of buttons) button.toggleAttribute('disabled', false)
    // A disabled button loses the focus. The work may have moved it elsewhere.
    if (focused instanceof HTMLElement && document.activeElement === document.body) focused.focus()
  })
}
