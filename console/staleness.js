// Whether the server's store is away: its answers are then old ones, marked with `stale_since`, or none at all.
import { signal } from './libraries.js';

const LOOK_AGAIN_MS = 2000;
const AWAY = 'X-Mission-Control-Store-Away';

/** Null while the store answers; `since`: ISO time of the oldest answer that we show, '' while we show none. @type {import('./libraries').Signal<{since: string} | null>} */
export const away = signal(null);

/** Those who show something that is old by now. @type {Set<() => void>} */
export const onReturn = new Set();

/** What is asked until a fresh answer comes. */
let path = '';

/** @param {string} asked @param {string} since */
function gone(asked, since) {
  const known = away.value?.since;
  if (since || !path) path = asked; // what has an old answer costs the store nothing while it is away
  away.value = { since: known && since ? (known < since ? known : since) : known || since };
}

/** Every answer passes here. @param {string} asked @param {Response} response @param {any} body */
export function noteAnswer(asked, response, body) {
  if (response.headers.get(AWAY)) gone(asked, '');
  else if (body?.stale_since) gone(asked, body.stale_since);
}

/** A snapshot of the socket. @param {any} snapshot */
export function noteSnapshot(snapshot) {
  if (snapshot?.stale_since) gone('/api/threads?limit=1', snapshot.stale_since);
}

/** @param {(path: string) => Promise<any>} ask rejects for what is no answer */
export function watchForReturn(ask) {
  setInterval(async () => {
    if (!away.value) return;
    try {
      if ((await ask(path)).stale_since) return;
    } catch {
      return; // still away; or the server is, of which the connection tells
    }
    path = '';
    away.value = null;
    for (const reload of onReturn) reload();
  }, LOOK_AGAIN_MS);
}
