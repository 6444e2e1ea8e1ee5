// A text of any length: the beginning at once, the rest when asked for.
import { html, useState } from '../libraries.js';
import { count } from '../format.js';
import { Copy } from './copy.js';

const FIRST = 6000;

/** @param {{text: string, title?: string}} properties */
export function LongText({ text, title = '' }) {
  const [all, show] = useState(false);
  const shown = all ? text : text.slice(0, FIRST);
  return html`
    <div class="long-text">
      ${title ? html`<div class="long-head"><h3>${title}</h3><${Copy} text=${text} /></div>` : null}
      <pre dir="auto"><code>${shown}</code></pre>
      ${text.length > FIRST ? html`<button type="button" class="link" onClick=${() => show(!all)}>${all ? 'Show less' : `Show all ${count(text.length)} characters`}</button>` : null}
    </div>
  `;
}
