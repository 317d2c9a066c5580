import { byId } from './by-id.js'

/**
 * Says what has been done, also to those who can't see it.
 * @param {string} text
 */
export const showStatus = text => { byId('status', HTMLElement).textContent = text }
