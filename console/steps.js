// Steps as a tree of bars. Pure: the same steps give the same rows.
import { instant } from './format.js';

/** @typedef {import('./types').Step} Step */
/** @typedef {import('./types').Bar} Bar */
/** @typedef {import('./types').Permission} Permission */

const VERDICTS = { granted: 'granted', denied: 'denied', open: 'waiting' };

/** @param {Step} a @param {Step} b */
const byStart = (a, b) => (a.started_at ?? '').localeCompare(b.started_at ?? '') || (a.sequence ?? 0) - (b.sequence ?? 0) || a.step_id.localeCompare(b.step_id);

/** Children by parent; steps whose parent is unknown (or is themselves) hang under ''. @param {Map<string, Step>} steps */
export function childrenOf(steps) {
  /** @type {Map<string, Step[]>} */
  const children = new Map();
  for (const step of [...steps.values()].sort(byStart)) {
    const parent = step.parent_step_id && step.parent_step_id !== step.step_id && steps.has(step.parent_step_id) ? step.parent_step_id : '';
    const siblings = children.get(parent);
    if (siblings) siblings.push(step);
    else children.set(parent, [step]);
  }
  return children;
}

/**
 * Rows of the waterfall from the top: each step followed by its children, without what lies in a collapsed one.
 * @param {Map<string, Step>} steps
 * @param {Set<string>} collapsed ids
 * @returns {Bar[]}
 */
export function barsOf(steps, collapsed) {
  const children = childrenOf(steps);
  /** @type {Bar[]} */
  const bars = [];
  const seen = new Set();
  const stack = (children.get('') ?? []).map((step) => ({ step, depth: 0, agent: '' })).reverse();
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { step, depth, agent } = next;
    if (seen.has(step.step_id)) continue;
    seen.add(step.step_id);
    const below = children.get(step.step_id) ?? [];
    const start = instant(step.started_at) ?? 0;
    const running = step.status === 'running' || step.status === 'paused';
    const ended = instant(step.ended_at) ?? (running ? null : start + (step.duration_ms ?? 0));
    bars.push({ step, depth, children: below.length, start, end: ended, agent });
    if (collapsed.has(step.step_id)) continue;
    for (const child of [...below].reverse()) stack.push({ step: child, depth: depth + 1, agent: step.agent_name || agent });
  }
  return bars;
}

/** First start and last end, ms; `now` stands for the end of what still runs. @param {Bar[]} bars @param {number} now */
export function spanOf(bars, now) {
  let from = Infinity;
  let to = -Infinity;
  for (const { start, end } of bars) {
    if (start > 0 && start < from) from = start;
    if ((end ?? now) > to) to = end ?? now;
  }
  return from === Infinity ? { from: now, to: now + 1 } : { from, to: Math.max(to, from + 1) };
}

/** Up to `most` round instants between 0 and `length` ms. @param {number} length @param {number} most */
export function ticksOf(length, most) {
  const raw = length / Math.max(1, most);
  const scales = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 108e5, 216e5, 432e5, 864e5];
  const width = scales.find((scale) => scale >= raw) ?? Math.ceil(raw / 864e5) * 864e5;
  return Array.from({ length: Math.min(most + 1, Math.floor(length / width) + 1) }, (_, index) => index * width);
}

/** What a step is best called, and what stands beside it. @param {Step} step @param {string} [agent] known from the step around it @returns {[string, string]} */
export function titleOf(step, agent = '') {
  if (step.type === 'tool_call' && step.tool_name) return [step.tool_name, step.mcp_id ?? ''];
  if (step.type === 'llm_call' && (step.model || step.request_model)) return [step.model || step.request_model || '', step.finish_reason ?? ''];
  if (step.type === 'check_permission' && step.permission) return [step.name || step.step_id, VERDICTS[verdictOf(step.permission)]];
  const own = step.agent_name ?? '';
  return [step.name || step.step_id, own !== agent && !step.name?.includes(own) ? own : ''];
}

/**
 * The decisions recorded for a step: those that name it, a span folded into it, or a check made inside it.
 * @param {Step} step @param {Permission[]} permissions @param {Step[]} inside its children
 */
export function decisionsFor(step, permissions, inside) {
  const folded = Array.isArray(step['span_ids']) ? /** @type {string[]} */ (step['span_ids']) : [];
  const ids = new Set([step.step_id, ...folded, ...inside.filter((child) => child.type === 'check_permission').map((child) => child.step_id)]);
  return permissions.filter((event) => ids.has(event.step_id ?? '') || ids.has(event.event_id ?? ''));
}

/** Tool calls about which nobody was asked: no check names one of their spans, or the call by its id. @param {Map<string, Step>} steps @param {Permission[]} permissions */
export function uncheckedIn(steps, permissions) {
  const asked = new Set(permissions.flatMap((event) => [event.step_id, event.event_id]));
  const names = (/** @type {Step} */ step) => [step.step_id, step.tool_call_id, ...(Array.isArray(step['span_ids']) ? step['span_ids'] : [])];
  return [...steps.values()].filter((step) => step.type === 'tool_call' && !names(step).some((id) => id && asked.has(id))).sort(byStart);
}

/** 'granted', 'denied' or 'open'. @param {Permission} event */
export const verdictOf = (event) => (event.granted === null || event.granted === undefined ? 'open' : event.granted ? 'granted' : 'denied');
