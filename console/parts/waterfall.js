// The timeline: one bar per step, nested under the step it happened in; open ones grow.
import { html, useEffect, useMemo, useState } from '../libraries.js';
import { clip, duration } from '../format.js';
import { now } from '../store.js';
import { barsOf, spanOf, ticksOf, titleOf } from '../steps.js';
import { Icon } from './icons.js';
import { Windowed } from './windowed.js';

/** @typedef {import('../types').Bar} Bar */
/** @typedef {{from: number, to: number}} Span */

const ROW_PX = 30;
const INDENT_PX = 14;
const DEEPEST = 14;
const TICKS = 6;
/** Share of the lane behind which a tick's label has no room. */
const LAST_TICK = 0.94;
const ZOOM_MARGIN = 0.06;
const TITLE_LIMIT = 500;

/** @type {Record<string, string>} */
const TYPES = { directive: 'directive', script: 'script', tool_call: 'tool call', tool_result: 'tool result', llm_call: 'LLM call', check_permission: 'permission', span: 'other' };

/** @param {number} value */
const percent = (value) => `${Math.max(0, Math.min(100, value * 100)).toFixed(3)}%`;

/** The coloured bar and its duration, the only part of a row that follows the clock. @param {{bar: Bar, span: Span}} properties */
function Lane({ bar, span }) {
  const end = bar.end ?? now.value;
  const length = span.to - span.from;
  if (end < span.from || bar.start > span.to) return html`<span class="lane"></span>`;
  const left = Math.max(0, bar.start - span.from) / length;
  const width = Math.min(1 - left, Math.max(0, end - Math.max(bar.start, span.from)) / length);
  const label = duration(bar.end === null ? Math.floor((end - bar.start) / 100) * 100 : (bar.step.duration_ms ?? end - bar.start));
  const place = left + width < 0.85 ? 'after' : left > 0.15 ? 'before' : 'inside';
  const side = place === 'after' ? { left: percent(left + width) } : { right: percent(1 - (place === 'before' ? left : left + width)) };
  const { type, status } = bar.step;
  return html`
    <span class="lane">
      <i class="bar" data-type=${type ?? 'span'} data-status=${status ?? ''} style=${{ left: percent(left), width: percent(width) }}></i>
      <span class="bar-time number" data-place=${place} style=${side}>${label}</span>
    </span>
  `;
}

/** @param {{bar: Bar, span: Span, selected: boolean, collapsed: boolean, unchecked: boolean, onSelect: (id: string) => void, onToggle: (id: string) => void}} properties */
function Row({ bar, span, selected, collapsed, unchecked, onSelect, onToggle }) {
  const { step, depth, children } = bar;
  const [title, beside] = titleOf(step, bar.agent);
  const toggle = (/** @type {Event} */ event) => {
    event.stopPropagation();
    onToggle(step.step_id);
  };
  return html`
    <div class="bar-row" data-testid="step" data-type=${step.type ?? 'span'} data-status=${step.status ?? ''} data-selected=${selected} onClick=${() => onSelect(step.step_id)}>
      <span class="bar-name" style=${{ paddingLeft: `${Math.min(depth, DEEPEST) * INDENT_PX}px` }}>
        ${children > 0
          ? html`<button type="button" class="twist" aria-expanded=${!collapsed} aria-label=${collapsed ? `Expand, ${children} inside` : 'Collapse'} onClick=${toggle}><${Icon} name=${collapsed ? 'open' : 'down'} /></button>`
          : html`<span class="twist"></span>`}
        <i class="dot" data-type=${step.type ?? 'span'} title=${TYPES[step.type ?? ''] ?? clip(step.type)}></i>
        <button type="button" class="bar-title clip" data-row title=${clip(step.name, TITLE_LIMIT)} aria-label=${`${TYPES[step.type ?? ''] ?? 'step'} ${clip(title, 100)}, ${step.status ?? ''}`}><bdi>${clip(title, 120)}</bdi></button>
        ${step.status === 'error' ? html`<${Icon} name="error" />` : null}
        ${beside ? html`<span class="beside clip">${clip(beside, 60)}</span>` : null}
        ${unchecked ? html`<span class="badge" data-kind="unchecked" title="Nobody was asked about this call">unchecked</span>` : null}
        ${collapsed ? html`<span class="beside">+${children}</span>` : null}
      </span>
      <${Lane} bar=${bar} span=${span} />
    </div>
  `;
}

/** @param {{bars: Bar[], running: boolean}} properties @returns {Span} */
function useSpan({ bars, running }) {
  const end = running ? Math.ceil(now.value / 1000) * 1000 : 0;
  return useMemo(() => spanOf(bars, end), [bars, end]);
}

/**
 * @param {{steps: Map<string, import('../types').Step>, running: boolean, selected: string, unchecked: import('../types').Step[], onSelect: (id: string) => void}} properties
 */
export function Waterfall({ steps, running, selected, unchecked, onSelect }) {
  const [collapsed, fold] = useState(/** @type {Set<string>} */ (new Set()));
  const [reveal, show] = useState(-1);
  const [zoom, look] = useState(/** @type {Span | null} */ (null));
  const bars = useMemo(() => barsOf(steps, collapsed), [steps, collapsed]);
  const open = running && bars.some((bar) => bar.end === null);
  const whole = useSpan({ bars, running: open });
  const span = zoom ?? whole;
  const chosen = bars.find((bar) => bar.step.step_id === selected);
  const zoomTo = (/** @type {Bar} */ bar) => {
    const to = bar.end ?? whole.to;
    const margin = Math.max(1, (to - bar.start) * ZOOM_MARGIN);
    look({ from: bar.start - margin, to: to + margin });
  };
  const ticks = ticksOf(span.to - span.from, TICKS);
  const types = useMemo(() => new Set([...steps.values()].map((step) => step.type ?? 'span')), [steps]);
  const marked = useMemo(() => new Set(unchecked.map((step) => step.step_id)), [unchecked]);
  const toggle = (/** @type {string} */ id) => fold((old) => (old.has(id) ? new Set([...old].filter((other) => other !== id)) : new Set([...old, id])));
  const parents = useMemo(() => bars.filter((bar) => bar.children > 0 && bar.depth > 0).map((bar) => bar.step.step_id), [bars]);
  useEffect(() => {
    show(selected ? bars.findIndex((bar) => bar.step.step_id === selected) : -1);
  }, [selected]);
  if (bars.length === 0) return html`<p class="notice">No steps yet.</p>`;
  return html`
    <div class="waterfall" style=${{ '--tick': percent((ticks[1] ?? 0) / (span.to - span.from)) }}>
      <div class="waterfall-tools">
        <span class="number">${steps.size} steps</span>
        <span class="legend">${Object.keys(TYPES).filter((type) => types.has(type)).map((type) => html`<span key=${type}><i class="dot" data-type=${type}></i>${TYPES[type]}</span>`)}</span>
        ${parents.length > 0 || collapsed.size > 0 ? html`<button type="button" class="link" onClick=${() => fold(collapsed.size > 0 ? new Set() : new Set(parents))}>${collapsed.size > 0 ? 'Expand all' : 'Collapse all'}</button>` : null}
        ${chosen && !zoom ? html`<button type="button" class="link" onClick=${() => zoomTo(chosen)}>Zoom to selected</button>` : null}
        ${zoom ? html`<button type="button" class="link" onClick=${() => look(null)}>Whole thread</button>` : null}
      </div>
      <div class="axis" aria-hidden="true"><span class="axis-name"></span><span class="axis-lane">
        ${ticks.filter((tick) => tick / (span.to - span.from) < LAST_TICK).map((tick) => html`<span key=${tick} class="tick number" style=${{ left: percent(tick / (span.to - span.from)) }}>${tick === 0 ? '0' : duration(tick)}</span>`)}
      </span></div>
      <${Windowed} name="waterfall" label="Timeline" count=${bars.length} rowHeight=${ROW_PX} reveal=${reveal} row=${(/** @type {number} */ index) => {
        const bar = /** @type {Bar} */ (bars[index]);
        const id = bar.step.step_id;
        return html`<${Row} key=${id} bar=${bar} span=${span} selected=${selected === id} collapsed=${collapsed.has(id)} unchecked=${marked.has(id)} onSelect=${onSelect} onToggle=${toggle} />`;
      }} />
    </div>
  `;
}
