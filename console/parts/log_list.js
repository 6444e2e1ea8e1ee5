// A live tail of log records: filters, pause, and one record in full.
import { html, useEffect, useMemo, useState } from '../libraries.js';
import { clip, clock, day, moment, plain, precise, shortId } from '../format.js';
import { onEscape } from '../keyboard.js';
import { LEVELS, logTail } from '../log_tail.js';
import { pretty } from '../messages.js';
import { threadHref } from '../router.js';
import { Icon } from './icons.js';
import { LongText } from './long_text.js';
import { Windowed } from './windowed.js';

/** @typedef {import('../types').LogRecord} LogRecord */
/** @typedef {ReturnType<typeof logTail>} Tail */
/** @typedef {{levels: string[], text: string, service: string}} Filter */

const ROW_PX = 26;
const LINE_LIMIT = 400;
const SEARCH_AFTER_MS = 300;

/** @param {LogRecord} record @param {Filter} filter */
function passes(record, { levels, text, service }) {
  if (levels.length > 0 && !levels.includes((record.level ?? '').toUpperCase())) return false;
  if (service && record.service !== service) return false;
  if (!text) return true;
  const needle = text.toLowerCase();
  return [record.message, record.service, record.thread_id, record.event_name, record.exception].some((value) => plain(value).toLowerCase().includes(needle));
}

/** @param {{record: LogRecord, project: string, linked: boolean, onSelect: (record: LogRecord) => void, selected: boolean}} properties */
function Row({ record, project, linked, onSelect, selected }) {
  const level = (record.level ?? '').toUpperCase() || '–';
  const date = day(record.timestamp) ? moment(record.timestamp) : '';
  const time = clock(record.timestamp);
  return html`
    <div class="log-row" data-testid="log" data-level=${level} data-selected=${selected} onClick=${() => onSelect(record)}>
      <time class="number" datetime=${record.timestamp} title=${record.timestamp}>${date || html`${time.slice(0, -4)}<span class="ms">${time.slice(-4)}</span>`}</time>
      <span class="level">${clip(level, 8)}</span>
      <span class="service clip" title=${clip(record.service, 200)}>${clip(record.service, 40)}</span>
      <button type="button" class="message clip" data-row><bdi>${clip(record.message || record.event_name || record.exception, LINE_LIMIT)}</bdi></button>
      ${linked && record.thread_id ? html`<a class="id" href=${threadHref(record.thread_id, record.project || project)} title=${clip(record.thread_id, 300)} onClick=${(/** @type {Event} */ event) => event.stopPropagation()}>${shortId(record.thread_id)}</a>` : html`<span class="id"></span>`}
    </div>
  `;
}

/** @param {{record: LogRecord, project: string, onClose: () => void}} properties */
function Record({ record, project, onClose }) {
  useEffect(() => onEscape(onClose), []);
  const context = pretty(record.context);
  return html`
    <aside class="details log-details" aria-label="Log record" data-testid="log-details">
      <header><span class="level" data-level=${(record.level ?? '').toUpperCase()}>${clip(record.level, 10)}</span><h2 class="number">${precise(record.timestamp)}</h2><span class="faint clip">${clip(record.service, 60)}</span>
        <button type="button" class="quiet" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button></header>
      <div class="details-body">
        <${LongText} title="Message" text=${pretty(record.message)} />
        ${record.exception ? html`<${LongText} title="Exception" text=${plain(record.exception)} />` : null}
        ${context && context !== '{}' ? html`<${LongText} title="Context" text=${context} />` : null}
        <dl class="facts">
          ${record.thread_id ? html`<div><dt>Thread</dt><dd><a href=${threadHref(record.thread_id, record.project || project)}>${clip(record.thread_id, 100)}</a></dd></div>` : null}
          ${record.event_name ? html`<div><dt>Event</dt><dd>${clip(record.event_name, 200)}</dd></div>` : null}
          ${record.mcp_id ? html`<div><dt>MCP</dt><dd>${clip(record.mcp_id, 100)}</dd></div>` : null}
          ${record.trace_id ? html`<div><dt>Trace</dt><dd>${clip(record.trace_id, 100)}</dd></div>` : null}
        </dl>
      </div>
    </aside>
  `;
}

/** @param {{filter: Filter, change: (filter: Filter) => void, services: string[], paused: boolean, pause: (paused: boolean) => void, missed: number, children: unknown}} properties */
function Tools({ filter, change, services, paused, pause, missed, children }) {
  /** @param {string} level */
  const toggled = (level) => (filter.levels.includes(level) ? filter.levels.filter((other) => other !== level) : [...filter.levels, level]);
  return html`
    <div class="log-tools">
      <div class="levels" role="group" aria-label="Levels">
        ${LEVELS.map((level) => html`<button key=${level} type="button" data-level=${level} aria-pressed=${filter.levels.includes(level)} onClick=${() => change({ ...filter, levels: toggled(level) })}>${level}</button>`)}
      </div>
      <label class="search"><${Icon} name="search" /><span class="offscreen">Filter logs</span>
        <input id="search" type="search" placeholder="Filter text" autocomplete="off" spellcheck="false" maxlength="200" value=${filter.text} onInput=${(/** @type {any} */ event) => change({ ...filter, text: event.currentTarget.value })} /><kbd aria-hidden="true">/</kbd></label>
      ${services.length > 1 || filter.service
        ? html`<label><span class="offscreen">Service</span><select value=${filter.service} onChange=${(/** @type {any} */ event) => change({ ...filter, service: event.currentTarget.value })}>
            <option value="">All services</option>${services.map((name) => html`<option key=${name} value=${name}>${clip(name, 40)}</option>`)}</select></label>`
        : null}
      <button type="button" class="pause" data-testid="pause" aria-pressed=${paused} onClick=${() => pause(!paused)}><${Icon} name=${paused ? 'play' : 'pause'} />${paused ? `Resume${missed > 0 ? ` (${missed} new)` : ''}` : 'Pause'}</button>
      ${children}
    </div>
  `;
}

/** @param {{tail: Tail, project: string, linked: boolean, filter: Filter, change: (filter: Filter) => void}} properties */
function TailView({ tail, project, linked, filter, change }) {
  const [frozen, freeze] = useState(/** @type {LogRecord[] | null} */ (null));
  const [atEnd, follow] = useState(true);
  const [selected, select] = useState(/** @type {LogRecord | null} */ (null));
  const live = tail.records.value;
  const source = frozen ?? live;
  const services = useMemo(() => [...new Set(live.map((record) => record.service ?? ''))].filter(Boolean).sort(), [live]);
  const rows = useMemo(() => source.filter((record) => passes(record, filter)), [source, filter]);
  const missed = frozen ? Math.max(0, live.length - live.indexOf(/** @type {LogRecord} */ (frozen.at(-1))) - 1) : 0;
  return html`
    <${Tools} filter=${filter} change=${change} services=${services} paused=${frozen !== null} pause=${(/** @type {boolean} */ on) => freeze(on ? live : null)} missed=${missed}>
      <span class="faint number">${rows.length} of ${source.length}</span>
      ${tail.older.value ? html`<button type="button" class="link" onClick=${tail.loadOlder}>Load older</button>` : null}
      ${!atEnd && !frozen ? html`<button type="button" class="link" onClick=${() => follow(true)}>To the newest</button>` : null}
    </${Tools}>
    ${tail.failure.value ? html`<p class="notice" role="alert">${clip(tail.failure.value, 200)}</p>` : null}
    <div class="thread-body" data-details=${Boolean(selected)}>
      <div class="panel log-panel">
        ${rows.length === 0
          ? html`<p class="notice">${source.length === 0 ? 'No log records yet. They appear here as they arrive.' : 'No record passes the filters.'}</p>`
          : html`<${Windowed} name="logs" label="Log records" count=${rows.length} rowHeight=${ROW_PX} atEnd=${atEnd && !frozen} onEnd=${follow} row=${(/** @type {number} */ index) => {
              const record = /** @type {LogRecord} */ (rows[index]);
              return html`<${Row} key=${`${record.timestamp}${index}`} record=${record} project=${project} linked=${linked} selected=${record === selected} onSelect=${select} />`;
            }} />`}
      </div>
      ${selected ? html`<${Record} key=${selected.timestamp} record=${selected} project=${project} onClose=${() => select(null)} />` : null}
    </div>
  `;
}

/** @param {{project: string, thread?: string}} properties */
export function LogList({ project, thread = '' }) {
  const [filter, change] = useState(/** @type {Filter} */ ({ levels: ['INFO', 'WARN', 'ERROR'], text: '', service: '' }));
  const [tail, take] = useState(/** @type {Tail | null} */ (null));
  const [q, search] = useState('');
  const levels = [...filter.levels].sort().join();
  useEffect(() => {
    const timer = setTimeout(() => search(filter.text.trim()), SEARCH_AFTER_MS);
    return () => clearTimeout(timer);
  }, [filter.text]);
  useEffect(() => {
    if (!project) return undefined;
    const opened = logTail(project, { thread, levels: levels ? levels.split(',') : [], q });
    take(opened);
    return opened.close;
  }, [project, thread, levels, q]);
  return html`<div class="logs">${tail ? html`<${TailView} tail=${tail} project=${project} linked=${!thread} filter=${filter} change=${change} />` : null}</div>`;
}
