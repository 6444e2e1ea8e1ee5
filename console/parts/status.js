// A status as colour, icon and word together.
import { html } from '../libraries.js';
import { Icon } from './icons.js';

/** @type {Record<string, string>} */
const WORDS = { running: 'Running', waiting: 'Waiting', stalled: 'Stalled', error: 'Error', paused: 'Paused', complete: 'Complete', cancelled: 'Cancelled' };

/** @param {string} state */
export const wordOf = (state) => WORDS[state] ?? state;

/** @param {{state: string}} properties */
export const Status = ({ state }) => html`<span class="status" data-state=${state}><${Icon} name=${state} />${wordOf(state)}</span>`;
