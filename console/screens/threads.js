// All threads of a project, the ones that need a person first.
import { html, useEffect, useRef } from '../libraries.js';
import { clip } from '../format.js';
import { amend, route } from '../router.js';
import { project } from '../store.js';
import { STATES, counts, filter, followThreads, groupOf, isEmpty, listing, loadMore, narrow, visible } from '../threads.js';
import { Icon } from '../parts/icons.js';
import { wordOf } from '../parts/status.js';
import { ThreadCard } from '../parts/thread_card.js';
import { ConnectLines } from './connect.js';

const SEARCH_AFTER_MS = 250;
const TILES = new Set(['running', 'waiting', 'stalled', 'error']);
const GROUPS = ['Waiting for a decision', 'Stalled', 'Running', 'Ended'];

/** @param {string} state */
function choose(state) {
  const status = filter.value.status === state ? '' : state;
  amend({ status });
  narrow({ status });
}

/** @param {{state: string}} properties */
function Tile({ state }) {
  const number = counts.value[state] ?? 0;
  const more = listing.value.next && (state === 'error' || state === 'complete' || state === 'cancelled') ? '+' : '';
  return html`
    <button type="button" class="tile" data-state=${state} data-none=${number === 0} aria-pressed=${filter.value.status === state} onClick=${() => choose(state)}>
      <${Icon} name=${state} /><span class="tile-number number">${number}${more}</span><span class="tile-word">${wordOf(state)}</span>
    </button>
  `;
}

function Counts() {
  const others = STATES.filter((state) => !TILES.has(state) && (counts.value[state] || filter.value.status === state));
  return html`
    <div class="tiles" role="group" aria-label="Filter by status">
      ${[...TILES, ...others].map((state) => html`<${Tile} key=${state} state=${state} />`)}
    </div>
  `;
}

function Search() {
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  const typed = (/** @type {InputEvent & {currentTarget: HTMLInputElement}} */ event) => {
    const q = event.currentTarget.value.trim();
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      amend({ q });
      narrow({ q });
    }, SEARCH_AFTER_MS);
  };
  return html`
    <label class="search"><${Icon} name="search" /><span class="offscreen">Search threads</span>
      <input id="search" type="search" placeholder="Search threads" autocomplete="off" spellcheck="false" maxlength="200" value=${filter.value.q} onInput=${typed} />
      <kbd aria-hidden="true">/</kbd>
    </label>
  `;
}

/** Loads the next page when it comes near the view. */
function More() {
  const end = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!end.current) return undefined;
    const watcher = new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && loadMore(), { rootMargin: '600px' });
    watcher.observe(end.current);
    return () => watcher.disconnect();
  }, [listing.value.next]);
  if (!listing.value.next) return null;
  return html`<div class="more" ref=${end}><button type="button" onClick=${loadMore} disabled=${listing.value.loading}>${listing.value.loading ? 'Loading…' : 'Older threads'}</button></div>`;
}

function Groups() {
  const threads = visible.value;
  return GROUPS.map((title, group) => {
    const members = threads.filter((thread) => groupOf(thread) === group);
    if (members.length === 0) return null;
    return html`
      <section class="group" key=${title} data-group=${group}>
        <h2>${title} <span class="number">${members.length}</span></h2>
        <ul>${members.map((thread) => html`<${ThreadCard} key=${thread.thread_id} thread=${thread} project=${project.value} />`)}</ul>
      </section>
    `;
  });
}

const TracesToo = () => html`
  <label class="traces" title="Traces that name no agent, session or MCP server">
    <input type="checkbox" checked=${filter.value.traces} onChange=${(/** @type {any} */ event) => narrow({ traces: event.currentTarget.checked })} />Show plain traces too
  </label>
`;

function Body() {
  const { loading, failure } = listing.value;
  if (visible.value.length > 0) return html`<div class="threads"><${ColumnHeads} /><${Groups} /><${More} /><${TracesToo} /></div>`;
  if (failure) return html`<p class="notice" role="alert">The threads could not be loaded: ${clip(failure, 300)}. Trying again as soon as the connection is back.</p>`;
  if (loading) return html`<p class="notice" aria-live="polite">Loading threads…</p>`;
  const reset = () => {
    amend({ q: '', status: '' });
    narrow({ q: '', status: '' });
  };
  return html`<p class="notice">No thread matches. <button type="button" class="link" onClick=${reset}>Show all</button></p>`;
}

const ColumnHeads = () => html`
  <div class="card-columns heads" aria-hidden="true">
    <span>Status</span><span>Thread</span><span class="right">Duration</span><span class="right">Steps</span><span class="right">LLM</span><span class="right">Tools</span>
    <span class="right">Errors</span><span class="right">Tokens</span><span class="right">Cost</span><span class="right">Started</span>
  </div>
`;

export function ThreadsScreen() {
  const name = project.value;
  useEffect(() => {
    filter.value = { ...filter.value, status: route.value.query.get('status') ?? '', q: route.value.query.get('q') ?? '' };
    return name ? followThreads(name) : undefined;
  }, [name]);
  if (isEmpty.value && !filter.value.q && !filter.value.status && !filter.value.traces) return html`<${ConnectLines} empty=${true} />`;
  return html`
    <header class="screen-head">
      <h1>Active Threads</h1>
      <${Counts} />
      <${Search} />
    </header>
    <${Body} />
  `;
}
