// The threads of the shown project: pages from REST, then upserts from the channel `global`.
import { batch, computed, signal } from './libraries.js';
import { list } from './api.js';
import { channelOf, snapshotOf, subscribe } from './socket.js';
import { instant, plain } from './format.js';
import { onReturn } from './staleness.js';
import { slowly } from './store.js';

/** @typedef {import('./types').Thread} Thread */

const PAGE = 100;
const FLUSH_MS = 100;
/** The store calls a thread stalled after this silence; nothing is sent when it begins, so it is reckoned here too. */
const STALLED_MS = 300_000;
const ENDED = new Set(['complete', 'error', 'cancelled']);
const SERVER_STATUSES = new Set(['running', 'stalled', 'paused', 'complete', 'error', 'cancelled']);

export const STATES = /** @type {const} */ (['running', 'waiting', 'stalled', 'error', 'paused', 'complete', 'cancelled']);

/** What a person calls the state: an open question and a silence weigh more than "running". @param {Thread} thread */
export function stateOf(thread) {
  const status = thread.status ?? 'running';
  if (ENDED.has(status)) return status;
  if (thread.waiting_for) return 'waiting';
  if (status !== 'running') return status;
  return stalledSince(thread) ? 'stalled' : status;
}

/** ISO time of the last sign of life of a silent thread, else ''. @param {Thread} thread */
export function stalledSince(thread) {
  const heard = instant(thread.last_seen_at);
  return heard !== null && slowly.value - heard > STALLED_MS ? (thread.last_seen_at ?? '') : '';
}

/** @param {Thread} thread */
export const isOpen = (thread) => !ENDED.has(thread.status ?? 'running');

const rows = signal(/** @type {Map<string, Thread>} */ (new Map()));
export const filter = signal({ status: '', q: '', traces: false });
export const listing = signal({ project: '', next: /** @type {string | null} */ (null), loading: true, failure: '' });
/** Threads that the server found for the search; ours may not know why. */
const found = signal(/** @type {Set<string>} */ (new Set()));
let generation = 0;
/** What events told since we follow: the first page takes the place of all else. */
let heard = new Set();
let first = true;

/** @param {Thread} thread @param {string} needle */
function mentions(thread, needle) {
  const words = [thread.name, thread.agent_name, thread.thread_id, thread.user_input, thread.current_step, thread.user_id];
  return words.some((word) => plain(word).toLowerCase().includes(needle));
}

const GROUP = new Map([['waiting', 0], ['stalled', 1], ['running', 2], ['paused', 2]]);

/** @param {Thread} thread */
export const groupOf = (thread) => GROUP.get(stateOf(thread)) ?? 3;

/** @param {Thread} thread */
const lastActivity = (thread) => thread.ended_at ?? thread.last_seen_at ?? thread.started_at ?? '';

/** @param {Thread} a @param {Thread} b */
function byUrgency(a, b) {
  const group = groupOf(a) - groupOf(b);
  if (group) return group;
  if (groupOf(a) === 3) return lastActivity(b).localeCompare(lastActivity(a));
  return (b.started_at ?? '').localeCompare(a.started_at ?? '') || a.thread_id.localeCompare(b.thread_id);
}

const shown = computed(() => [...rows.value.values()].filter((thread) => filter.value.traces || thread.kind !== 'trace'));

export const visible = computed(() => {
  const { status, q } = filter.value;
  const needle = q.toLowerCase();
  return shown.value
    .filter((thread) => (!status || stateOf(thread) === status) && (!q || found.value.has(thread.thread_id) || mentions(thread, needle)))
    .sort(byUrgency);
});

export const counts = computed(() => {
  /** @type {Record<string, number>} */
  const sums = {};
  for (const thread of shown.value) sums[stateOf(thread)] = (sums[stateOf(thread)] ?? 0) + 1;
  return sums;
});

export const isEmpty = computed(() => !listing.value.loading && !listing.value.failure && shown.value.length === 0 && !listing.value.next);

/** @param {string} id */
export const knownThread = (id) => rows.value.get(id);

/** @param {Thread[]} incoming @param {boolean} fromEvents an event is newer than any page */
function upsert(incoming, fromEvents) {
  const next = new Map(rows.value);
  for (const thread of incoming) {
    if (fromEvents) heard.add(thread.thread_id);
    const old = next.get(thread.thread_id);
    if (old && !fromEvents && (old.last_seen_at ?? '') > (thread.last_seen_at ?? '')) continue;
    next.set(thread.thread_id, { ...old, ...thread });
  }
  rows.value = next;
}

/** One page; the first one when no cursor is given. @param {string} project @param {string | null} [cursor] */
async function load(project, cursor = null) {
  const { status, q, traces } = filter.value;
  const mine = generation;
  listing.value = { ...listing.value, loading: true };
  try {
    const parameters = { project, q, limit: PAGE, cursor, kind: traces ? '*' : '', status: SERVER_STATUSES.has(status) ? status : '' };
    const page = /** @type {import('./types').Page<Thread>} */ (await list('/api/threads', parameters));
    if (mine !== generation) return;
    batch(() => {
      if (first) rows.value = new Map([...rows.value].filter(([id]) => heard.has(id)));
      first = false;
      upsert(page.items, false);
      found.value = new Set([...(cursor ? found.value : []), ...(q ? page.items.map((thread) => thread.thread_id) : [])]);
      listing.value = { project, next: page.next, loading: false, failure: '' };
    });
  } catch (error) {
    if (mine === generation) listing.value = { ...listing.value, loading: false, failure: error instanceof Error ? error.message : String(error) };
  }
}

export const loadMore = () => {
  const { next, loading, project } = listing.value;
  if (next && !loading) void load(project, next);
};

/** @param {{status?: string, q?: string, traces?: boolean}} changes */
export function narrow(changes) {
  filter.value = { ...filter.value, ...changes };
  generation += 1;
  if (listing.value.project) void load(listing.value.project);
}

/** @param {unknown} payload @returns {Thread[]} the threads of a snapshot or an event */
export function threadsOf(payload) {
  if (Array.isArray(payload)) return payload.filter((row) => row && typeof row.thread_id === 'string');
  if (!payload || typeof payload !== 'object') return [];
  const body = /** @type {Record<string, unknown>} */ (payload);
  if (typeof body['thread_id'] === 'string') return [/** @type {any} */ (body)];
  return threadsOf(body['threads'] ?? body['thread'] ?? body['items'] ?? null);
}

/** Follow a project until the returned function is called. @param {string} project */
export function followThreads(project) {
  /** @type {Thread[]} */
  let waiting = [];
  generation += 1;
  heard = new Set();
  first = true;
  batch(() => {
    if (listing.value.project !== project) rows.value = new Map();
    listing.value = { project, next: null, loading: true, failure: '' };
  });
  const flush = setInterval(() => {
    if (waiting.length === 0) return;
    const incoming = waiting;
    waiting = [];
    upsert(incoming, true);
  }, FLUSH_MS);
  const leave = subscribe(channelOf('global', project), (frame) => {
    if (frame.type === 'subscribed') void load(project);
    const threads = frame.type === 'subscribed' ? threadsOf(snapshotOf(frame)) : frame.event?.startsWith('thread.') ? threadsOf(frame.payload) : [];
    waiting.push(...threads.filter((thread) => (thread.project ?? project) === project));
  });
  const again = () => void load(project);
  onReturn.add(again);
  return () => {
    onReturn.delete(again);
    clearInterval(flush);
    leave();
  };
}

/** Sub-threads of a thread: what its details name, and what the list knows. @param {string} id @param {Thread[]} named */
export function relatives(id, named) {
  const all = new Map(named.map((thread) => [thread.thread_id, thread]));
  for (const thread of rows.value.values()) if (thread.parent_thread_id === id) all.set(thread.thread_id, thread);
  return [...all.values()].sort((a, b) => (a.started_at ?? '').localeCompare(b.started_at ?? ''));
}
