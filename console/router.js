// Where the person is, kept in the address's hash so that links can be shared.
import { signal } from './libraries.js';

/** @typedef {import('./types').Route} Route */

/** @returns {Route} */
function parse() {
  const [path = '', search = ''] = location.hash.replace(/^#/, '').split('?');
  const query = new URLSearchParams(search);
  const [, screen = '', id = ''] = path.split('/');
  if (screen === 'threads' && id) return { screen: 'thread', id: decoded(id), query };
  if (screen === 'logs' || screen === 'connect') return { screen, id: '', query };
  return { screen: 'threads', id: '', query };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @type {import('./libraries').Signal<Route>} */
export const route = signal(parse());
addEventListener('hashchange', () => (route.value = parse()));

/** @param {string} path @param {Record<string, string>} [parameters] */
export function href(path, parameters = {}) {
  const search = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value)).toString();
  return `#${path}${search ? `?${search}` : ''}`;
}

/** @param {string} id @param {string} project @param {Record<string, string>} [parameters] */
export const threadHref = (id, project, parameters = {}) => href(`/threads/${encodeURIComponent(id)}`, { project, ...parameters });

/** @param {string} hash */
export function go(hash) {
  location.hash = hash;
}

/** Change parameters of the present address without a new entry in the history. @param {Record<string, string>} changes */
export function amend(changes) {
  const [path = ''] = location.hash.replace(/^#/, '').split('?');
  const query = Object.fromEntries(route.value.query);
  history.replaceState(null, '', href(path || '/threads', { ...query, ...changes }));
  route.value = parse();
}
