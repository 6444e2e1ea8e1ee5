// What was asked for, who decided, and why.
import { html } from '../libraries.js';
import { clip, duration, plain, precise } from '../format.js';
import { verdictOf } from '../steps.js';
import { Age } from './age.js';
import { Icon } from './icons.js';

/** @typedef {import('../types').Permission} Permission */
/** @typedef {import('../types').Step} Step */

const MOST_UNCHECKED = 200;
const WORDS = { granted: 'Granted', denied: 'Denied', open: 'Waiting' };
/** @type {Record<string, string>} How an escalation was noticed. */
const RULES = {
  asked_beyond_held: 'asked beyond what is held', denied_above: 'denied above', stated: 'stated', auto_accept: 'accepted without asking',
  allowed_after_denial: 'allowed after a denial', new_for_agent: 'new for this agent',
};
const ICONS = { granted: 'complete', denied: 'cancelled', open: 'waiting' };

/** @param {unknown} value @returns {string[]} */
function chainOf(value) {
  try {
    const chain = typeof value === 'string' && value ? JSON.parse(value) : value;
    return Array.isArray(chain) ? chain.map((link) => clip(link?.name ?? link?.id ?? link, 60)) : [];
  } catch {
    return [clip(value, 200)];
  }
}

/** @param {{event: Permission, onStep?: ((id: string) => void) | undefined}} properties */
export function Decision({ event, onStep }) {
  const verdict = verdictOf(event);
  const chain = chainOf(event.inheritance_chain);
  const by = [event.source, event.policy, event.rule].filter(Boolean).map((word) => clip(word, 80)).join(' · ');
  return html`
    <div class="decision" data-verdict=${verdict} data-testid="permission">
      <div class="decision-head">
        <span class="verdict"><${Icon} name=${ICONS[verdict]} />${WORDS[verdict]}</span>
        <span class="asked" title=${clip(`${event.action ?? ''} ${event.resource ?? ''}`, 1000)}><b>${clip(event.action || 'use', 60)}</b> ${clip(event.resource, 200)}</span>
        ${event.escalation_detected ? html`<span class="badge" data-kind="escalated"><${Icon} name="up" />${RULES[event.escalation_rule ?? ''] ?? 'escalation'}${event.escalation_status ? `, ${clip(event.escalation_status, 20)}` : ''}</span>` : null}
        <time class="number faint">${precise(event.timestamp)}</time>
      </div>
      ${event.reason ? html`<p class="clip-lines">${plain(event.reason).slice(0, 1000)}</p>` : null}
      <p class="faint">
        ${event.subject ? html`<span>asked by ${clip(event.subject, 100)}</span>` : null}
        ${event.user_id ? html`<span>for ${clip(event.user_id, 80)}</span>` : null}
        ${by ? html`<span>${verdict === 'open' ? 'to be decided by' : 'decided by'} ${by}</span>` : null}
        ${verdict === 'open' ? html`<span class="open-wait">waiting <${Age} since=${event.timestamp} /></span>` : event.waited_ms && event.waited_ms > 50 ? html`<span>after ${duration(event.waited_ms)}</span>` : null}
        ${event.escalation_reason ? html`<span data-testid="escalation-reason">${clip(event.escalation_reason, 300)}</span>` : null}
        ${chain.length > 1 ? html`<span>inherited ${chain.join(' → ')}</span>` : null}
        ${onStep && event.step_id ? html`<button type="button" class="link" onClick=${() => onStep(event.step_id ?? '')}>show step</button>` : null}
      </p>
    </div>
  `;
}

/** @param {{calls: Step[], onStep: (id: string) => void}} properties */
const Unchecked = ({ calls, onStep }) => html`
  <section class="unchecked-calls" data-testid="unchecked-calls">
    <h3>Nobody was asked about</h3>
    <ul>${calls.slice(0, MOST_UNCHECKED).map((step) => html`
      <li key=${step.step_id}><time class="number faint">${precise(step.started_at)}</time> <b>${clip(step.tool_name || step.name, 100)}</b> <span class="faint">${clip(step.mcp_id, 60)}</span>
        <button type="button" class="link" onClick=${() => onStep(step.step_id)}>show step</button></li>`)}
    </ul>
    ${calls.length > MOST_UNCHECKED ? html`<p class="notice">The first ${MOST_UNCHECKED} of ${calls.length}.</p>` : null}
  </section>
`;

/** `unchecked` is the store's count, with calls that wait; `calls` are those of the loaded steps that nobody was asked about. @param {{permissions: Permission[], unchecked: number, calls: Step[], onStep: (id: string) => void}} properties */
export function Permissions({ permissions, unchecked, calls, onStep }) {
  const sorted = [...permissions].sort((a, b) => Number(verdictOf(b) === 'open') - Number(verdictOf(a) === 'open') || (b.timestamp ?? '').localeCompare(a.timestamp ?? ''));
  /** @param {string} verdict */
  const number = (verdict) => permissions.filter((event) => verdictOf(event) === verdict).length;
  return html`
    <div class="permissions">
      <p class="sums">
        <span data-verdict="granted"><b class="number">${number('granted')}</b> granted</span><span data-verdict="denied"><b class="number">${number('denied')}</b> denied</span>
        <span data-verdict="open"><b class="number">${number('open')}</b> waiting</span><span><b class="number">${permissions.filter((event) => event.escalation_detected).length}</b> escalations</span>
        <span><b class="number">${unchecked}</b> tool ${unchecked === 1 ? 'call' : 'calls'} that nobody allowed or denied</span>
      </p>
      ${calls.length > 0 ? html`<${Unchecked} calls=${calls} onStep=${onStep} />` : null}
      ${sorted.length === 0 ? html`<p class="notice">No permission check is recorded for this thread.</p>` : null}
      ${sorted.slice(0, 500).map((event) => html`<${Decision} key=${event.event_id} event=${event} onStep=${onStep} />`)}
      ${sorted.length > 500 ? html`<p class="notice">The latest 500 of ${sorted.length}.</p>` : null}
    </div>
  `;
}
