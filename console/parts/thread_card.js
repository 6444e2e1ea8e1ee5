// One thread in the list: who, in what state, what it waits for, how far and how dear.
import { html } from '../libraries.js';
import { clip, count, moment, money, plain, shortId } from '../format.js';
import { go, threadHref } from '../router.js';
import { isOpen, stalledSince, stateOf } from '../threads.js';
import { Age, ThreadDuration } from './age.js';
import { Icon } from './icons.js';
import { Status } from './status.js';

/** @typedef {import('../types').Thread} Thread */

const TITLE_LIMIT = 1000;

/** @param {{label: string, value: string, dim?: boolean, bad?: boolean, title?: string}} properties */
const Figure = ({ label, value, dim = false, bad = false, title = '' }) => html`
  <span class="figure right" data-dim=${dim} data-bad=${bad} title=${title || undefined}><span class="figure-label">${label} </span><span class="number">${value}</span></span>
`;

/** What stands in its way, if anything does. @param {{thread: Thread}} properties */
export function Obstacle({ thread }) {
  const state = stateOf(thread);
  if (state === 'waiting') {
    return html`<span class="obstacle" data-state="waiting"><${Icon} name="shield" /><span class="clip">waits for <b title=${clip(thread.waiting_for, TITLE_LIMIT)}>${clip(thread.waiting_for, 200)}</b></span> <span class="fixed">since <${Age} since=${thread.waiting_since} /></span></span>`;
  }
  if (state === 'stalled') return html`<span class="obstacle" data-state="stalled"><${Icon} name="stalled" />no sign of life for <${Age} since=${thread.stalled_since || stalledSince(thread)} /></span>`;
  if (state !== 'error') return null;
  const text = [thread.error_type, thread.error_message].filter(Boolean).join(': ') || 'failed';
  return html`<span class="obstacle" data-state="error"><${Icon} name="error" /><span class="clip" title=${clip(text, TITLE_LIMIT)}>${clip(text, 200)}</span></span>`;
}

/** @param {{thread: Thread}} properties */
export function Badges({ thread }) {
  return html`
    ${thread.permission_denials ? html`<span class="badge" data-kind="denied"><${Icon} name="shield" />${thread.permission_denials} denied</span>` : null}
    ${thread.escalations ? html`<span class="badge" data-kind="escalated"><${Icon} name="up" />${thread.escalations} escalation${thread.escalations > 1 ? 's' : ''}</span>` : null}
    ${thread.permission_checks && thread.unchecked_calls ? html`<span class="badge" data-kind="unchecked" title="Tool calls that nobody allowed or denied">${thread.unchecked_calls} unchecked</span>` : null}
    ${thread.loop_count && thread.loop_count > 1 ? html`<span class="badge" data-kind="loop"><${Icon} name="loop" />same call ${thread.loop_count}×</span>` : null}
    ${thread.kind && thread.kind !== 'agent' ? html`<span class="badge">${thread.kind === 'mcp' ? 'MCP session' : clip(thread.kind, 20)}</span>` : null}
    ${thread.parent_thread_id ? html`<span class="badge" title=${clip(thread.parent_thread_id, TITLE_LIMIT)}>sub-agent</span>` : null}
  `;
}

/** @param {Thread} thread */
export const nameOf = (thread) => clip(thread.name || thread.agent_name || thread.thread_id, 120) || 'unnamed';

/** @param {{thread: Thread}} properties */
function What({ thread }) {
  const input = clip(plain(thread.user_input?.slice(0, 4000)).split('\n').find((line) => line.trim()) ?? '', 240);
  const step = clip(thread.current_step, 120);
  return html`
    <${Obstacle} thread=${thread} />
    <span class="what">
      ${isOpen(thread) && step ? html`<span class="step clip" title=${clip(thread.current_step, TITLE_LIMIT)}>${step}</span>` : null}
      ${input ? html`<bdi class="input clip" title=${clip(thread.user_input, TITLE_LIMIT)}>${input}</bdi>` : null}
    </span>
  `;
}

/** @param {Thread} thread */
const tokens = (thread) => (thread.input_tokens ?? 0) + (thread.output_tokens ?? 0);

/** @param {{thread: Thread, project: string}} properties */
export function ThreadCard({ thread, project }) {
  const where = threadHref(thread.thread_id, thread.project || project);
  const open = (/** @type {MouseEvent} */ event) => {
    if (!(event.target instanceof Element) || event.target.closest('a') || getSelection()?.toString()) return;
    go(where);
  };
  return html`
    <li class="card card-columns" data-testid="thread-card" data-state=${stateOf(thread)} data-thread=${clip(thread.thread_id, 200)} onClick=${open}>
      <${Status} state=${stateOf(thread)} />
      <div class="who">
        <span class="title">
          <a class="clip" href=${where} title=${clip(thread.name || thread.agent_name, TITLE_LIMIT)}><bdi>${nameOf(thread)}</bdi></a>
          ${thread.agent_name && thread.agent_name !== thread.name ? html`<span class="agent clip">${clip(thread.agent_name, 60)}</span>` : null}
          <span class="id" title=${clip(thread.thread_id, TITLE_LIMIT)}>${shortId(thread.thread_id)}</span>
          <${Badges} thread=${thread} />
        </span>
        <${What} thread=${thread} />
      </div>
      <span class="figure right" data-testid="duration"><span class="figure-label">Duration </span><${ThreadDuration} thread=${thread} open=${isOpen(thread)} /></span>
      <${Figure} label="Steps" value=${count(thread.step_count)} dim=${!thread.step_count} />
      <${Figure} label="LLM" value=${count(thread.llm_calls)} dim=${!thread.llm_calls} />
      <${Figure} label="Tools" value=${count(thread.tool_calls)} dim=${!thread.tool_calls} />
      <${Figure} label="Errors" value=${count(thread.error_count)} dim=${!thread.error_count} bad=${Boolean(thread.error_count)} />
      <${Figure} label="Tokens" value=${count(tokens(thread))} dim=${!tokens(thread)} title=${`${thread.input_tokens ?? 0} in, ${thread.output_tokens ?? 0} out, ${thread.cache_read_tokens ?? 0} from cache`} />
      <${Figure} label="Cost" value=${`${thread.cost_estimated ? '~' : ''}${money(thread.cost_usd)}`} dim=${!thread.cost_usd} />
      <span class="figure right"><span class="figure-label">Started </span><time class="number" datetime=${thread.started_at ?? ''}>${moment(thread.started_at)}</time></span>
    </li>
  `;
}
