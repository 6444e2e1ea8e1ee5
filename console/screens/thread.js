// One thread: what it is, what it does, what was said, what it was allowed.
import { html, useEffect, useMemo, useState } from '../libraries.js';
import { clip, count, money, precise, size } from '../format.js';
import { amend, href, route, threadHref } from '../router.js';
import { project, projectParameter } from '../store.js';
import { threadDetail } from '../thread_detail.js';
import { uncheckedIn } from '../steps.js';
import { isOpen, relatives, stateOf } from '../threads.js';
import { Badges, Obstacle, nameOf } from '../parts/thread_card.js';
import { ThreadDuration } from '../parts/age.js';
import { Copy } from '../parts/copy.js';
import { Icon } from '../parts/icons.js';
import { LogList } from '../parts/log_list.js';
import { Measured } from '../parts/measured.js';
import { Permissions } from '../parts/permissions.js';
import { Scores } from '../parts/scores.js';
import { Status } from '../parts/status.js';
import { StepDetails } from '../parts/step_details.js';
import { Transcript } from '../parts/transcript.js';
import { Waterfall } from '../parts/waterfall.js';

/** @typedef {import('../types').Thread} Thread */
/** @typedef {ReturnType<typeof threadDetail>} Detail */

const TABS = /** @type {const} */ ([['timeline', 'Timeline'], ['transcript', 'Transcript'], ['permissions', 'Permissions'], ['logs', 'Logs']]);
const SHOWN_RELATIVES = 12;

/** @param {{name: string, children: unknown, title?: string}} properties */
const Total = ({ name, children, title = '' }) => html`<div class="total" title=${title || undefined}><dt>${name}</dt><dd class="number">${children}</dd></div>`;

/** @param {{thread: Thread}} properties */
function Totals({ thread }) {
  return html`
    <dl class="totals">
      <${Total} name="Duration"><${ThreadDuration} thread=${thread} open=${isOpen(thread)} /></${Total}>
      <${Total} name="Steps">${count(thread.step_count)}</${Total}>
      <${Total} name="LLM calls">${count(thread.llm_calls)}</${Total}>
      <${Total} name="Tool calls" title=${`${thread.unchecked_calls ?? 0} of them were neither allowed nor denied by anybody`}>${count(thread.tool_calls)}</${Total}>
      <${Total} name="Errors">${count(thread.error_count)}</${Total}>
      <${Total} name="Tokens in" title=${`${thread.cache_read_tokens ?? 0} of them from a cache`}>${count(thread.input_tokens)}</${Total}>
      <${Total} name="Tokens out">${count(thread.output_tokens)}</${Total}>
      <${Total} name="Cost">${thread.cost_estimated ? '~' : ''}${money(thread.cost_usd)}</${Total}>
      ${thread.memory_bytes ? html`<${Total} name="Memory">${size(thread.memory_bytes)}</${Total}>` : null}
      ${thread.cpu_utilization ? html`<${Total} name="CPU">${(thread.cpu_utilization * 100).toFixed(0)} %</${Total}>` : null}
    </dl>
  `;
}

/** @param {{thread: Thread, children: Thread[]}} properties */
function Facts({ thread, children }) {
  const facts = /** @type {[string, string | undefined][]} */ ([
    ['Agent', thread.agent_name === thread.name ? '' : thread.agent_name],
    ['User', thread.user_id],
    ['Environment', thread.environment],
    ['Version', thread.service_version],
    ['Host', thread.host],
    ['Models', thread.models?.join(', ')],
    ['MCPs', thread.mcp_ids?.join(', ')],
    ['Started', precise(thread.started_at)],
    ['Ended', thread.ended_at ? precise(thread.ended_at) : ''],
  ]).filter(([, value]) => value);
  return html`
    <dl class="facts-line">
      ${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd class="clip" title=${clip(value, 500)}><bdi>${clip(value, 120)}</bdi></dd></div>`)}
      ${thread.parent_thread_id ? html`<div><dt>Parent</dt><dd class="clip"><a href=${threadHref(thread.parent_thread_id, project.value)}>${clip(thread.parent_thread_id, 60)}</a></dd></div>` : null}
      ${children.length > 0 ? html`<div class="sub-threads"><dt>Sub-threads</dt><dd>${children.slice(0, SHOWN_RELATIVES).map((child) => html`<a key=${child.thread_id} href=${threadHref(child.thread_id, project.value)} data-state=${stateOf(child)}><i class="state-dot"></i>${nameOf(child)}</a> `)}${children.length > SHOWN_RELATIVES ? `and ${children.length - SHOWN_RELATIVES} more` : ''}</dd></div>` : null}
    </dl>
  `;
}

/** @param {{thread: Thread, children: Thread[]}} properties */
function Head({ thread, children }) {
  return html`
    <header class="thread-head">
      <div class="thread-title">
        <a class="back" href=${href('/threads', projectParameter())} aria-label="Back to threads"><${Icon} name="back" /></a>
        <${Status} state=${stateOf(thread)} />
        <h1 class="clip" title=${clip(thread.name, 1000)}><bdi>${nameOf(thread)}</bdi></h1>
        <span class="id clip" title=${clip(thread.thread_id, 1000)}>${clip(thread.thread_id, 80)}</span>
        <${Copy} text=${thread.thread_id} label="Copy id" />
        <${Badges} thread=${thread} />
      </div>
      <${Obstacle} thread=${thread} />
      ${thread.user_input ? html`<p class="asked-for clip-lines" dir="auto" title=${clip(thread.user_input, 1000)}>${clip(thread.user_input, 400)}</p>` : null}
      <${Facts} thread=${thread} children=${children} />
      <${Totals} thread=${thread} />
      <${Scores} scores=${thread.scores} />
      <${Measured} project=${thread.project} id=${thread.thread_id} />
    </header>
  `;
}

/** @param {{tab: string, detail: Detail, select: (id: string) => void, selected: string, id: string}} properties */
function Panel({ tab, detail, select, selected, id }) {
  const running = detail.thread.value ? isOpen(detail.thread.value) : true;
  const toStep = (/** @type {string} */ step) => {
    amend({ tab: 'timeline' });
    select(step);
  };
  const unchecked = useMemo(() => uncheckedIn(detail.steps.value, [...detail.permissions.value.values()]), [detail.steps.value, detail.permissions.value]);
  const empty = tab === 'transcript' ? detail.messages.value.size === 0 : tab === 'timeline' && detail.steps.value.size === 0;
  if (empty && detail.loading.value) return html`<p class="notice" aria-live="polite">Loading…</p>`;
  if (tab === 'transcript') return html`<${Transcript} messages=${detail.messages.value} running=${running} onStep=${toStep} />`;
  if (tab === 'permissions') return html`<${Permissions} permissions=${[...detail.permissions.value.values()]} unchecked=${detail.thread.value?.unchecked_calls ?? 0} calls=${unchecked} onStep=${toStep} />`;
  if (tab === 'logs') return html`<${LogList} project=${project.value} thread=${id} />`;
  return html`<${Waterfall} steps=${detail.steps.value} running=${running} selected=${selected} onSelect=${select} unchecked=${detail.permissions.value.size > 0 ? unchecked : []} />`;
}

/** @param {{tab: string, detail: Detail}} properties */
function Tabs({ tab, detail }) {
  /** @type {Record<string, number>} */
  const sizes = { timeline: detail.steps.value.size, transcript: detail.messages.value.size, permissions: detail.permissions.value.size };
  const move = (/** @type {KeyboardEvent} */ event) => {
    const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (!by) return;
    const at = TABS.findIndex(([name]) => name === tab);
    const [next] = TABS[(at + by + TABS.length) % TABS.length] ?? TABS[0];
    amend({ tab: next });
    document.getElementById(`tab-${next}`)?.focus();
  };
  return html`
    <div class="tabs" role="tablist" onKeyDown=${move}>
      ${TABS.map(([name, word]) => html`
        <button key=${name} type="button" role="tab" id=${`tab-${name}`} aria-selected=${tab === name} tabindex=${tab === name ? 0 : -1} onClick=${() => amend({ tab: name })}>
          ${word}${sizes[name] ? html` <span class="number faint">${count(sizes[name])}</span>` : null}
        </button>`)}
    </div>
  `;
}

/** @param {{id: string}} properties */
export function ThreadScreen({ id }) {
  const [detail, follow] = useState(/** @type {Detail | null} */ (null));
  const name = project.value;
  useEffect(() => {
    if (!name) return undefined;
    const opened = threadDetail(name, id);
    follow(opened);
    return opened.close;
  }, [name, id]);
  return detail ? html`<${Opened} detail=${detail} id=${id} />` : html`<p class="notice">Loading…</p>`;
}

/** @param {{detail: Detail, id: string}} properties */
function Opened({ detail, id }) {
  const selected = route.value.query.get('step') ?? '';
  const select = (/** @type {string} */ step) => amend({ step });
  const tab = route.value.query.get('tab') ?? 'timeline';
  const thread = detail.thread.value;
  const step = detail.steps.value.get(selected);
  const inside = useMemo(() => (step ? [...detail.steps.value.values()].filter((other) => other.parent_step_id === step.step_id) : []), [step, detail.steps.value]);
  if (!thread) {
    if (detail.loading.value) return html`<p class="notice" aria-live="polite">Loading thread…</p>`;
    return html`<div class="notice" role="alert"><p>This thread cannot be shown: ${clip(detail.failure.value, 300)}</p><p><a href="#/threads">All threads</a> <button type="button" class="link" onClick=${detail.load}>Try again</button></p></div>`;
  }
  return html`
    <div class="thread">
      <${Head} thread=${thread} children=${relatives(id, detail.children.value)} />
      ${detail.failure.value ? html`<p class="notice" role="alert">Not everything could be loaded: ${clip(detail.failure.value, 200)} <button type="button" class="link" onClick=${detail.load}>Try again</button></p>` : null}
      <${Tabs} tab=${tab} detail=${detail} />
      <div class="thread-body" data-details=${Boolean(step)}>
        <div class="panel" role="tabpanel" aria-labelledby=${`tab-${tab}`}><${Panel} tab=${tab} detail=${detail} select=${select} selected=${selected} id=${id} /></div>
        ${step ? html`<${StepDetails} key=${selected} step=${step} permissions=${[...detail.permissions.value.values()]} inside=${inside} onClose=${() => select('')} />` : null}
      </div>
    </div>
  `;
}
