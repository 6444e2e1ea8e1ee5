// The conversation as bubbles; tool calls and their results are folded.
import { html, useLayoutEffect, useMemo, useRef, useState } from '../libraries.js';
import { clip, precise } from '../format.js';
import { fenced, partsOf } from '../messages.js';
import { Icon } from './icons.js';
import { LongText } from './long_text.js';

/** @typedef {import('../types').Message} Message */
/** @typedef {import('../types').Part} Part */

const FIRST = 200;
const TEXT_LIMIT = 8000;
const SUMMARY_LIMIT = 110;

/** @param {{text: string}} properties */
function Prose({ text }) {
  const [all, show] = useState(false);
  const shown = all ? text : text.slice(0, TEXT_LIMIT);
  return html`
    <div class="prose" dir="auto">
      ${fenced(shown).map((piece, index) => (index % 2 ? html`<pre key=${index}><code>${piece}</code></pre>` : html`<p key=${index}>${piece}</p>`))}
      ${text.length > TEXT_LIMIT ? html`<button type="button" class="link" onClick=${() => show(!all)}>${all ? 'Show less' : `Show all ${text.length.toLocaleString('en')} characters`}</button>` : null}
    </div>
  `;
}

/** @param {{part: Part}} properties */
function PartView({ part }) {
  if (part.kind === 'text') return html`<${Prose} text=${part.text} />`;
  const words = { call: `calls ${clip(part.name, 60)}`, result: part.name ? `result of ${clip(part.name, 60)}` : 'result', reasoning: 'reasoning', other: clip(part.name, 60) };
  return html`
    <details class="fold" data-kind=${part.kind}>
      <summary><${Icon} name=${part.kind === 'call' ? 'tool' : 'open'} /><b>${words[part.kind]}</b> <span class="clip faint">${clip(part.text, SUMMARY_LIMIT)}</span></summary>
      <${LongText} text=${part.text} />
    </details>
  `;
}

/** @param {{message: Message, onStep: (id: string) => void}} properties */
function Bubble({ message, onStep }) {
  const parts = useMemo(() => partsOf(message), [message]);
  const role = clip(message.role || 'unknown', 20);
  const long = role === 'system';
  const body = parts.map((part, index) => html`<${PartView} key=${index} part=${part} />`);
  return html`
    <article class="bubble" data-role=${role} data-testid="message">
      <header><b>${role}</b>${message.tool_name && role !== 'tool' ? html`<span class="faint clip">${clip(message.tool_name, 60)}</span>` : null}<time class="number faint">${precise(message.timestamp)}</time>
        ${message.step_id ? html`<button type="button" class="link" onClick=${() => onStep(message.step_id ?? '')}>step</button>` : null}</header>
      ${long ? html`<details class="fold"><summary><${Icon} name="open" /><span class="clip faint">${clip(parts[0]?.text, SUMMARY_LIMIT)}</span></summary>${body}</details>` : body}
    </article>
  `;
}

/** @param {{messages: Map<string, Message>, running: boolean, onStep: (id: string) => void}} properties */
export function Transcript({ messages, running, onStep }) {
  const [extra, more] = useState(0);
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const atEnd = useRef(running);
  const sorted = useMemo(() => [...messages.values()].sort((a, b) => (a.timestamp ?? '').localeCompare(b.timestamp ?? '') || (a.sequence ?? 0) - (b.sequence ?? 0)), [messages]);
  const shown = sorted.slice(-(FIRST + extra));
  useLayoutEffect(() => {
    if (atEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [messages]);
  const scrolled = () => {
    if (box.current) atEnd.current = box.current.scrollHeight - box.current.scrollTop - box.current.clientHeight < 40;
  };
  if (sorted.length === 0) return html`<p class="notice">No messages are recorded. Agents send them only when content capture is on.</p>`;
  return html`
    <div class="transcript" ref=${box} onScroll=${scrolled} tabindex="0" role="region" aria-label="Transcript" data-testid="transcript">
      ${sorted.length > shown.length ? html`<button type="button" class="earlier" onClick=${() => more(extra + FIRST)}>${sorted.length - shown.length} earlier messages</button>` : null}
      ${shown.map((message) => html`<${Bubble} key=${`${message.role}${message.content_hash}${message.sequence}`} message=${message} onStep=${onStep} />`)}
    </div>
  `;
}
