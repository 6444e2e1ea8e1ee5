// The newest log records of a channel, in order, each once.
import { signal } from './libraries.js';
import { list, threadPath } from './api.js';
import { channelOf, snapshotOf, subscribe } from './socket.js';
import { onReturn } from './staleness.js';

/** @typedef {import('./types').LogRecord} LogRecord */

const KEPT = 5000;
const PAGE = 200;
const FLUSH_MS = 120;

export const LEVELS = /** @type {const} */ (['DEBUG', 'INFO', 'WARN', 'ERROR']);

/** @param {LogRecord} record */
const keyOf = (record) => record.log_id ?? `${record.timestamp}|${record.level}|${record.service}|${record.thread_id}|${record.step_id}|${typeof record.message === 'string' ? record.message : JSON.stringify(record.message)}`;

/** @param {any} payload @returns {LogRecord[]} */
function recordsOf(payload) {
  if (Array.isArray(payload)) return payload;
  if (!payload || typeof payload !== 'object') return [];
  if (typeof payload.timestamp === 'string') return [payload];
  return recordsOf(payload.logs ?? payload.log ?? payload.items ?? null);
}

/**
 * @param {string} project
 * @param {{thread?: string, levels?: string[], q?: string}} scope empty levels: all; `q` searches what is stored
 */
export function logTail(project, { thread = '', levels = [], q = '' }) {
  const records = signal(/** @type {LogRecord[]} */ ([]));
  const failure = signal('');
  const older = signal(/** @type {string | null} */ (null));
  const keys = new Set();
  let alive = true;

  /** @param {LogRecord[]} rows */
  function add(rows) {
    const fresh = rows.filter((record) => {
      const key = keyOf(record);
      return !keys.has(key) && keys.add(key);
    });
    if (fresh.length === 0) return;
    fresh.sort((a, b) => a.timestamp.localeCompare(b.timestamp));
    const last = records.value.at(-1);
    const all = [...records.value, ...fresh];
    if (last && fresh[0] && fresh[0].timestamp < last.timestamp) all.sort((a, b) => a.timestamp.localeCompare(b.timestamp));
    for (const gone of all.slice(0, -KEPT)) keys.delete(keyOf(gone));
    records.value = all.slice(-KEPT);
  }

  const path = thread ? threadPath(thread, '/logs') : '/api/logs';
  /** @param {string | null} [cursor] */
  async function load(cursor = null) {
    try {
      /** @type {import('./types').Page<LogRecord>} */
      const page = await list(path, { project, limit: PAGE, cursor, q, level: levels.join() });
      if (!alive) return;
      add(page.items);
      older.value = page.next;
      failure.value = '';
    } catch (error) {
      if (alive) failure.value = error instanceof Error ? error.message : String(error);
    }
  }

  /** @type {LogRecord[]} */
  let waiting = [];
  const flush = setInterval(() => {
    if (waiting.length === 0) return;
    const rows = waiting;
    waiting = [];
    add(rows);
  }, FLUSH_MS);
  /** @param {import('./types').Frame} frame */
  const hear = (frame) => {
    if (frame.type === 'subscribed') waiting.push(...recordsOf(snapshotOf(frame)));
    else if (frame.event === 'log') waiting.push(...recordsOf(frame.payload));
  };
  const channel = thread ? `logs:thread:${thread}` : 'logs:*';
  const leave = subscribe(channelOf(channel, project), hear, { filter: { levels: levels.length > 0 ? levels : [...LEVELS] } });
  const again = () => void load();
  onReturn.add(again);
  again();

  return {
    records,
    failure,
    older,
    loadOlder: () => older.value && load(older.value),
    close: () => {
      alive = false;
      onReturn.delete(again);
      clearInterval(flush);
      leave();
    },
  };
}
