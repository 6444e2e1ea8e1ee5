// Keys: `/` search, J and K along the list, Enter opens, Escape goes back, `?` help.
import { signal } from './libraries.js';
import { go, href, route } from './router.js';
import { projectParameter } from './store.js';

export const helpOpen = signal(false);
/** What Escape closes before it goes back; the newest last. @type {(() => void)[]} */
const layers = [];

/** @param {() => void} close @returns {() => void} to call when it is closed otherwise */
export function onEscape(close) {
  layers.push(close);
  return () => {
    const place = layers.indexOf(close);
    if (place >= 0) layers.splice(place, 1);
  };
}

/** @param {EventTarget | null} target */
const types = (target) => target instanceof HTMLElement && (target.matches('input, textarea, select') || target.isContentEditable);

/** @param {number} by */
function moveAlong(by) {
  const links = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-testid="thread-card"] .title > a, [data-row]'))];
  if (links.length === 0) return;
  const at = links.findIndex((link) => link === document.activeElement);
  const next = links[at < 0 ? 0 : Math.min(Math.max(at + by, 0), links.length - 1)];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: 'nearest' });
}

function escape() {
  const close = layers.pop();
  if (close) close();
  else if (route.value.screen === 'thread') go(href('/threads', projectParameter()));
}

/** @type {Record<string, () => void>} */
const KEYS = {
  '/': () => document.getElementById('search')?.focus(),
  j: () => moveAlong(1),
  k: () => moveAlong(-1),
  '?': () => (helpOpen.value = !helpOpen.value),
  Escape: escape,
};

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (types(event.target)) {
    if (event.key === 'Escape') /** @type {HTMLElement} */ (event.target).blur();
    return;
  }
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

export const listenToKeys = () => addEventListener('keydown', pressed);
