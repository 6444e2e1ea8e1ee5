// Times that tick. Each subscribes to the clock alone, so a tick redraws these few letters and nothing else.
import { html } from '../libraries.js';
import { duration, instant, ticking } from '../format.js';
import { seconds } from '../store.js';

/** Time since an instant. @param {{since: string | null | undefined}} properties */
export function Age({ since }) {
  const from = instant(since);
  return html`<span class="number">${from === null ? '–' : ticking(seconds.value - from)}</span>`;
}

/** How long a thread took, or takes. @param {{thread: import('../types').Thread, open: boolean}} properties */
export function ThreadDuration({ thread, open }) {
  if (open) return html`<${Age} since=${thread.started_at} />`;
  return html`<span class="number">${duration(thread.duration_ms)}</span>`;
}
