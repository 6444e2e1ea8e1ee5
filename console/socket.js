// The one WebSocket. Subscriptions outlive it: after a reconnect each resumes behind the last cursor it has seen.
import { signal } from './libraries.js';
import { request, token } from './api.js';
import { noteSnapshot } from './staleness.js';

/** @typedef {import('./types').Frame} Frame */
/** @typedef {{channel: string, handlers: Set<(frame: Frame) => void>, cursor: unknown, more: object}} Subscription */

const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 15_000;
const PING_MS = 15_000;
const SILENCE_MS = 40_000;
const ASK_AGAIN_MS = 3000;
/** A connection that ends sooner was no success: the next try waits longer. */
const STEADY_MS = 5000;

/** @type {import('./libraries').Signal<{state: 'connecting' | 'live' | 'stale', since: number}>} */
export const connection = signal({ state: 'connecting', since: Date.now() });
/** Server's clock minus ours, ms: durations of running things tick by the server's. */
export const clockSkew = signal(0);

/** @type {Map<string, Subscription>} */
const subscriptions = new Map();
/** Subscriptions that wait for an answer, by request. @type {Map<string, Subscription>} */
const asked = new Map();
/** @type {WebSocket | null} */
let socket = null;
let delay = FIRST_DELAY_MS;
let lastHeard = 0;
let requests = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let retry;

/** Channel names of a project other than the default carry it. @param {string} channel @param {string} project */
export const channelOf = (channel, project) => (project && project !== 'default' ? `${channel}?project=${encodeURIComponent(project)}` : channel);

/** @param {object} message @returns {string} the request's id, '' when it could not be sent */
function send(message) {
  if (socket?.readyState !== WebSocket.OPEN) return '';
  requests += 1;
  socket.send(JSON.stringify({ ...message, request_id: `r${requests}` }));
  return `r${requests}`;
}

/** @param {Subscription} subscription */
function ask(subscription) {
  const since = subscription.cursor === undefined || subscription.cursor === null ? {} : { since: subscription.cursor };
  const id = send({ type: 'subscribe', channel: subscription.channel, ...since, ...subscription.more });
  if (id) asked.set(id, subscription);
}

/** @param {MessageEvent} event */
function hear(event) {
  lastHeard = Date.now();
  /** @type {Frame} */
  const frame = JSON.parse(event.data);
  if (frame.timestamp) clockSkew.value = Math.round((Date.parse(frame.timestamp) - Date.now()) / 250) * 250;
  const refused = frame.type === 'error' && frame.request_id ? asked.get(frame.request_id) : undefined;
  if (frame.request_id) asked.delete(frame.request_id);
  if (refused) setTimeout(() => subscriptions.get(refused.channel) === refused && ask(refused), ASK_AGAIN_MS);
  const subscription = frame.channel ? subscriptions.get(frame.channel) : undefined;
  if (!subscription) return;
  if (frame.type === 'subscribed') noteSnapshot(snapshotOf(frame));
  if (frame.cursor !== undefined && frame.cursor !== null) subscription.cursor = frame.cursor;
  // Without a count it only says that the snapshot before it replaced what was missed.
  if (frame.type === 'dropped' && /** @type {any} */ (frame.payload)?.count !== null) ask(subscription);
  for (const handler of subscription.handlers) handler(frame);
}

/** What a `subscribed` frame shows, whether wrapped or not; null after a resume. @param {Frame} frame @returns {any} */
export function snapshotOf({ payload }) {
  const body = /** @type {any} */ (payload);
  if (!body || body.resumed) return null;
  return body.snapshot ?? body;
}

let openedAt = 0;
function opened() {
  openedAt = Date.now();
  lastHeard = Date.now();
  connection.value = { state: 'live', since: Date.now() };
  for (const subscription of subscriptions.values()) ask(subscription);
}

function closed() {
  socket = null;
  asked.clear();
  if (openedAt && Date.now() - openedAt > STEADY_MS) delay = FIRST_DELAY_MS;
  openedAt = 0;
  if (connection.value.state === 'live') connection.value = { state: 'stale', since: lastHeard };
  clearTimeout(retry);
  retry = setTimeout(reconnect, delay * (0.75 + Math.random() / 2));
  delay = Math.min(delay * 2, LONGEST_DELAY_MS);
}

/** A refused handshake tells a page nothing, so the API is asked first: a 401 there opens the login page. */
async function reconnect() {
  try {
    await request('/api/threads?limit=1');
    connect();
  } catch {
    closed();
  }
}

export function connect() {
  if (socket) return;
  clearTimeout(retry);
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const bearer = token.read();
  socket = new WebSocket(`${scheme}://${location.host}/ws${bearer ? `?token=${encodeURIComponent(bearer)}` : ''}`);
  socket.addEventListener('open', opened);
  socket.addEventListener('message', hear);
  socket.addEventListener('close', closed);
}

/** Try at once: the network came back, or a token was given. */
export function connectNow() {
  delay = FIRST_DELAY_MS;
  if (!socket) void reconnect();
}

/**
 * Hear a channel until the returned function is called. The first frame carries the snapshot.
 * @param {string} channel
 * @param {(frame: Frame) => void} handler
 * @param {object} [more] what else the subscription says: a filter
 * @returns {() => void}
 */
export function subscribe(channel, handler, more = {}) {
  const known = subscriptions.get(channel);
  const subscription = known ?? { channel, handlers: new Set(), cursor: undefined, more };
  subscription.handlers.add(handler);
  subscriptions.set(channel, subscription);
  if (known) Object.assign(known, { cursor: undefined, more });
  ask(subscription);
  return () => {
    subscription.handlers.delete(handler);
    if (subscription.handlers.size > 0) return;
    subscriptions.delete(channel);
    send({ type: 'unsubscribe', channel });
  };
}

setInterval(() => {
  if (!socket) return;
  if (Date.now() - lastHeard > SILENCE_MS) socket.close();
  else send({ type: 'ping' });
}, PING_MS);
addEventListener('online', connectNow);
