import { byId } from './by-id.js'

/**
 * Announces what has been done, also to screen readers.
 * @param {string} text
 */
export const showStatus = text => {
  byId('status', HTMLElement).textContent = text
}
