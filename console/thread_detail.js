// One thread: its row, steps, messages and permission events; loaded by REST, kept up by its channel.
import { batch, signal } from './libraries.js';
import { list, query, request, threadPath } from './api.js';
import { channelOf, snapshotOf, subscribe } from './socket.js';
import { onReturn } from './staleness.js';

/** @typedef {import('./types').Thread} Thread */
/** @typedef {import('./types').Step} Step */
/** @typedef {import('./types').Message} Message */
/** @typedef {import('./types').Permission} Permission */
/** @typedef {import('./types').Score} Score */

const PAGE = 1000;
const MOST_CHILDREN = 100;
const FLUSH_MS = 150;
const SETTLE_MS = 800;
const TRIES = 4;
const AGAIN_MS = 1500;

/** @param {Permission} event */
const permissionKey = (event) => event.event_id ?? `${event.timestamp}/${event.resource}/${event.action}`;

/** @param {Message & {metadata?: Record<string, string>}} message */
const messageKey = (message) => (message.content_hash ? `${message.role}/${message.content_hash}/${message.metadata?.['occurrence'] ?? ''}` : `${message.sequence}/${message.timestamp}`);

/** The question and its answer come apart: the question's time stays, an answer is not undone. @param {Permission | undefined} old @param {Permission} row @returns {Permission} */
function joined(old, row) {
  if (!old) return row;
  const answered = (old.granted ?? null) !== null && (row.granted ?? null) === null;
  const timestamp = [old.timestamp ?? '', row.timestamp ?? ''].filter(Boolean).sort()[0] ?? '';
  return answered ? { ...row, ...old, timestamp } : { ...old, ...row, timestamp };
}

/** A check as the timeline's REST answer shows it: its id is the event's, its parent the step it guards. @param {Permission} check @returns {Step} */
const stepOf = (check) => ({
  step_id: check.event_id ?? '',
  parent_step_id: check.step_id ?? '',
  type: 'check_permission',
  name: [check.action, check.resource].filter(Boolean).join(' ') || 'permission check',
  status: (check.granted ?? null) === null ? 'running' : 'complete',
  started_at: check.timestamp ?? null,
  ended_at: check.decided_at ?? null,
  permission: check,
});

/** Ids of spans that another step shows. @param {Step} row @returns {string[]} */
function foldedInto(row) {
  if (row['superseded_by'] && row['superseded_by'] !== row.step_id) return [row.step_id];
  return Array.isArray(row['span_ids']) ? row['span_ids'].filter((other) => other !== row.step_id) : [];
}

/** Rows from whatever wraps them. @param {any} body @param {string[]} names @returns {any[]} */
function rowsIn(body, names) {
  for (const name of names) {
    const rows = body?.[name];
    if (Array.isArray(rows)) return rows;
    if (Array.isArray(rows?.items)) return rows.items;
  }
  return [];
}

/** The newest first, each once: the last word on a score holds. @param {Score[]} old @param {Score} score @returns {Score[]} */
const judged = (old, score) => [score, ...old.filter((other) => other.score_id !== score.score_id)].sort((one, other) => (other.timestamp ?? '').localeCompare(one.timestamp ?? ''));

/** @param {string} project @param {string} id */
export function threadDetail(project, id) {
  const thread = signal(/** @type {Thread | null} */ (null));
  const children = signal(/** @type {Thread[]} */ ([]));
  const steps = signal(/** @type {Map<string, Step>} */ (new Map()));
  const messages = signal(/** @type {Map<string, Message>} */ (new Map()));
  const permissions = signal(/** @type {Map<string, Permission>} */ (new Map()));
  const failure = signal('');
  const loading = signal(true);
  /** Spans that are part of another step, however late they come. @type {Set<string>} */
  const gone = new Set();
  /** Scores that came live. @type {Map<string, Score>} */
  const heard = new Map();
  let alive = true;
  let tries = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let again;

  /** @param {Step[]} rows */
  function addSteps(rows) {
    if (rows.length === 0) return;
    const next = new Map(steps.value);
    for (const row of rows) {
      if (!row?.step_id) continue;
      for (const other of foldedInto(row)) {
        next.delete(other);
        gone.add(other);
      }
      if (gone.has(row.step_id) || row['superseded_by']) continue;
      next.set(row.step_id, scored({ ...next.get(row.step_id), ...row }));
    }
    steps.value = next;
    addPermissions(rows.map((row) => /** @type {any} */ (row).permission).filter(Boolean));
  }

  /** @param {Permission[]} rows */
  function addPermissions(rows) {
    if (rows.length === 0) return;
    const next = new Map(permissions.value);
    for (const row of rows) next.set(permissionKey(row), joined(next.get(permissionKey(row)), row));
    permissions.value = next;
  }

  /** The step with what was judged of its spans since it was loaded. @param {Step} step @returns {Step} */
  function scored(step) {
    const own = [...heard.values()].filter(({ step_id: of }) => of && (of === step.step_id || step.span_ids?.includes(of)));
    return own.length > 0 ? { ...step, scores: own.reduce(judged, step.scores ?? []) } : step;
  }

  /** @param {Score[]} rows */
  function addScores(rows) {
    if (rows.length === 0) return;
    for (const row of rows) heard.set(row.score_id, row);
    if (thread.value) thread.value = { ...thread.value, scores: rows.reduce(judged, thread.value.scores ?? []) };
    steps.value = new Map([...steps.value].map(([key, step]) => [key, scored(step)]));
  }

  /** @template Row @param {import('./libraries').Signal<Map<string, Row>>} into @param {Row[]} rows @param {(row: Row) => string} keyOf */
  function add(into, rows, keyOf) {
    if (rows.length === 0) return;
    const next = new Map(into.value);
    for (const row of rows) next.set(keyOf(row), { ...next.get(keyOf(row)), ...row });
    into.value = next;
  }

  /** @param {string} path @param {(rows: any[]) => void} take */
  async function everyPage(path, take) {
    /** @type {string | null} */
    let cursor = null;
    do {
      /** @type {import('./types').Page<any>} */
      const page = await list(path, { project, limit: PAGE, cursor });
      if (!alive) return;
      take(page.items);
      cursor = page.next;
    } while (cursor);
  }

  async function loadRow() {
    const body = await request(threadPath(id) + query({ project }));
    if (!alive) return;
    thread.value = body;
    /** @type {import('./types').Page<Thread>} */
    const below = await list('/api/threads', { project, parent: id, kind: '*', limit: MOST_CHILDREN });
    if (alive) children.value = below.items;
  }

  async function load() {
    try {
      await loadRow();
      await everyPage(threadPath(id, '/timeline'), addSteps);
      await everyPage(threadPath(id, '/transcript'), (rows) => add(messages, rows, messageKey));
      await everyPage(`/api/permissions/audit/${encodeURIComponent(id)}`, addPermissions);
      failure.value = '';
      tries = 0;
    } catch (error) {
      if (!alive) return;
      failure.value = error instanceof Error ? error.message : String(error);
      // A log or a link may be quicker than the summary of its thread.
      tries += 1;
      if (tries <= TRIES) again = setTimeout(load, AGAIN_MS);
    }
    loading.value = false;
  }

  /** @type {import('./types').Frame[]} */
  let frames = [];
  const flush = setInterval(() => {
    const taken = frames;
    if (taken.length === 0) return;
    frames = [];
    batch(() => {
      /** @param {string} event */
      const of = (event) => taken.filter((frame) => frame.event === event).map((frame) => /** @type {any} */ (frame.payload));
      addSteps(of('step').map((body) => body.step ?? body));
      add(messages, of('message').map((body) => body.message ?? body), messageKey);
      addScores(of('score').map((body) => body.score ?? body));
      const checks = of('permission').map((body) => body.permission ?? body);
      addPermissions(checks);
      addSteps(checks.map((check) => permissions.value.get(permissionKey(check)) ?? check).filter((check) => steps.value.get(check.step_id)?.type !== 'check_permission').map(stepOf));
      for (const { event, payload } of taken) {
        if (event?.startsWith('thread.')) thread.value = { ...thread.value, .../** @type {any} */ (payload)?.thread ?? payload };
      }
    });
  }, FLUSH_MS);

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let settle;
  const leave = subscribe(channelOf(`thread:${id}`, project), (frame) => {
    if (frame.type === 'event') {
      frames.push(frame);
      // Folding of spans into steps follows a moment later: read the row once more when it is quiet.
      clearTimeout(settle);
      settle = setTimeout(() => loadRow().catch(() => undefined), SETTLE_MS);
    } else if (frame.type === 'subscribed') {
      /** @type {any} */
      const body = snapshotOf(frame) ?? {};
      batch(() => {
        if (body.thread) thread.value = { ...thread.value, ...body.thread };
        addSteps(rowsIn(body, ['timeline', 'steps']));
        add(messages, rowsIn(body, ['transcript', 'messages']), messageKey);
      });
    }
  });
  const reload = () => void load();
  onReturn.add(reload);
  reload();

  const close = () => {
    alive = false;
    onReturn.delete(reload);
    clearInterval(flush);
    clearTimeout(settle);
    clearTimeout(again);
    leave();
  };
  return { thread, children, steps, messages, permissions, failure, loading, load, close };
}
