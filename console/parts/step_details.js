// Everything about one step, and who allowed it.
import { html, useEffect } from '../libraries.js';
import { clip, count, duration, money, plain, precise, size } from '../format.js';
import { onEscape } from '../keyboard.js';
import { pretty } from '../messages.js';
import { decisionsFor, titleOf } from '../steps.js';
import { LongText } from './long_text.js';
import { Icon } from './icons.js';
import { Decision } from './permissions.js';
import { Scores } from './scores.js';

/** @typedef {import('../types').Step} Step */
/** @typedef {import('../types').Permission} Permission */

const VALUE_LIMIT = 400;

/** @param {Step} step @returns {[string, string][]} */
function factsOf(step) {
  const cached = [step.cache_read_tokens ? `${count(step.cache_read_tokens)} from cache` : '', step.cache_write_tokens ? `${count(step.cache_write_tokens)} to cache` : '', step.reasoning_tokens ? `${count(step.reasoning_tokens)} reasoning` : ''];
  const tokens = step.input_tokens || step.output_tokens ? [`${count(step.input_tokens)} in`, `${count(step.output_tokens)} out`, ...cached].filter(Boolean).join(', ') : '';
  const model = step.model && step.request_model && step.model !== step.request_model ? `${step.model} (asked for ${step.request_model})` : step.model || step.request_model || '';
  return /** @type {[string, string][]} */ ([
    ['Started', precise(step.started_at)],
    ['Duration', step.duration_ms === null || step.duration_ms === undefined ? 'still open' : duration(step.duration_ms)],
    ['First token', step.ttft_ms ? duration(step.ttft_ms) : ''],
    ['Model', model],
    ['Provider', step.provider ?? ''],
    ['Prompt', [step.prompt_name, step.prompt_version].filter(Boolean).join(' ')],
    ['Tokens', tokens],
    ['Cost', step.cost_usd === null || step.cost_usd === undefined ? '' : money(step.cost_usd)],
    ['Finish', step.finish_reason ?? ''],
    ['Tool', step.tool_name ?? ''],
    ['MCP', step.mcp_id ?? ''],
    ['Agent', step.agent_name ?? ''],
    ['Service', step.service ?? ''],
    ['Memory', step.memory_bytes ? size(step.memory_bytes) : ''],
    ['CPU', step.cpu_utilization ? `${(step.cpu_utilization * 100).toFixed(0)} %` : ''],
    ['Tool call', step.tool_call_id ?? ''],
    ['Step', step.step_id],
    ['Trace', step.trace_id ?? ''],
  ]).filter(([, value]) => value);
}

/** @param {{step: Step, permissions: Permission[], inside: Step[]}} properties */
function Allowed({ step, permissions, inside }) {
  const decisions = decisionsFor(step, permissions, inside);
  if (decisions.length > 0) return html`<section><h3>Who allowed it</h3>${decisions.map((event) => html`<${Decision} key=${event.event_id} event=${event} />`)}</section>`;
  if (step.type !== 'tool_call') return null;
  return html`<section><h3>Who allowed it</h3><p class="unchecked" data-testid="unchecked"><${Icon} name="shield" />Nobody checked: no decision is recorded for this call.</p></section>`;
}

/** @param {{step: Step, permissions: Permission[], inside: Step[], onClose: () => void}} properties */
export function StepDetails({ step, permissions, inside, onClose }) {
  useEffect(() => onEscape(onClose), []);
  const [title] = titleOf(step);
  const attributes = Object.entries(step.attributes ?? {});
  return html`
    <aside class="details" data-testid="details" aria-label="Step">
      <header>
        <i class="dot" data-type=${step.type ?? 'span'}></i>
        <h2 class="clip" title=${clip(step.name, 500)}><bdi>${clip(title, 120)}</bdi></h2>
        <span class="step-status" data-status=${step.status ?? ''}>${clip(step.status, 20)}</span>
        <button type="button" class="quiet" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button>
      </header>
      <div class="details-body">
        ${step.error_message || step.error_type ? html`<div class="error-box"><b>${clip(step.error_type || 'Error', 120)}</b><${LongText} text=${plain(step.error_message)} /></div>` : null}
        <${Allowed} step=${step} permissions=${permissions} inside=${inside} />
        <${Scores} scores=${step.scores} />
        <dl class="facts">${factsOf(step).map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd title=${clip(value, 500)}><bdi>${clip(value, VALUE_LIMIT)}</bdi></dd></div>`)}</dl>
        ${step.description ? html`<p class="faint">${clip(step.description, 600)}</p>` : null}
        ${step.input ? html`<${LongText} title="Input" text=${pretty(step.input)} />` : null}
        ${step.output ? html`<${LongText} title="Output" text=${pretty(step.output)} />` : null}
        ${attributes.length > 0
          ? html`<details class="attributes"><summary>Attributes (${attributes.length})</summary><dl>${attributes.slice(0, 500).map(([name, value]) => html`<div key=${name}><dt title=${clip(name, 500)}>${clip(name, 120)}</dt><dd title=${clip(value, 1000)}><bdi>${clip(value, VALUE_LIMIT)}</bdi></dd></div>`)}</dl></details>`
          : null}
      </div>
    </aside>
  `;
}
