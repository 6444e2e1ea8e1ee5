// What every screen shares: the clock, the theme, whether we are let in, which project is shown.
import { computed, signal } from './libraries.js';
import { list, onUnauthorised, request, token } from './api.js';
import { clockSkew, connectNow, subscribe } from './socket.js';
import { amend, route } from './router.js';

const PROJECT_KEY = 'mission_control.project';
const THEME_KEY = 'mission_control.theme';
const TICK_MS = 250;
const LOOK_AGAIN_MS = 5000;
const DEMO = 'demo';

const tick = signal(Date.now());
/** The server's time, ms, four times a second. */
export const now = computed(() => tick.value + clockSkew.value);
/** The same in steps of a second, for what shows seconds only. */
export const seconds = computed(() => Math.floor(now.value / 1000) * 1000);
/** The same in steps of five seconds. */
export const slowly = computed(() => Math.floor(now.value / 5000) * 5000);
setInterval(() => {
  if (!document.hidden) tick.value = Date.now();
}, TICK_MS);
document.addEventListener('visibilitychange', () => (tick.value = Date.now()));

export const theme = signal(localStorage.getItem(THEME_KEY) === 'light' ? 'light' : 'dark');
/** @param {string} value */
function wear(value) {
  theme.value = value;
  document.documentElement.dataset['theme'] = value;
  localStorage.setItem(THEME_KEY, value);
}
wear(theme.value);
export const toggleTheme = () => wear(theme.value === 'dark' ? 'light' : 'dark');

export const locked = signal(false);
onUnauthorised.add(() => (locked.value = true));

/** Try a pasted token. @param {string} value @throws {import('./api.js').ApiError} */
export async function unlock(value) {
  token.write(value);
  try {
    await request('/api/threads?limit=1');
  } catch (error) {
    token.write('');
    throw error;
  }
  locked.value = false;
  connectNow();
  void lookForProjects();
}

/** Projects there are. @type {import('./libraries').Signal<string[]>} */
export const projects = signal(['default']);
/** What we would show by ourselves; empty until the first look. */
export const automatic = signal('');
/** What the person chose; empty when nothing. */
const remembered = signal(localStorage.getItem(PROJECT_KEY) ?? '');
export const chosen = computed(() => route.value.query.get('project') ?? remembered.value);
export const project = computed(() => chosen.value || automatic.value);

/** @param {string} value empty leaves the choice to us */
export function chooseProject(value) {
  remembered.value = value;
  localStorage.setItem(PROJECT_KEY, value);
  amend({ project: value, cursor: '' });
}

/** @returns {Promise<string[]>} */
async function projectNames() {
  try {
    const page = await list('/api/projects');
    const names = page.items.map((/** @type {any} */ row) => (typeof row === 'string' ? row : (row.project ?? row.name ?? row.id)));
    return [...new Set(['default', ...names.filter(Boolean)])];
  } catch {
    return ['default', DEMO];
  }
}

/** When a project was last heard of, ms; 0 while it has no thread. @param {string} name */
async function lastHeard(name) {
  const page = /** @type {import('./types').Page<import('./types').Thread>} */ (await list('/api/threads', { project: name, limit: 1 }));
  const [newest] = page.items;
  return newest ? Date.parse(newest.last_seen_at ?? newest.started_at ?? '') || 1 : 0;
}

/** Real data first: the demo shows only while it is alone. */
async function lookForProjects() {
  if (locked.value) return;
  const names = await projectNames();
  projects.value = names;
  if (chosen.value) {
    if (!automatic.value) automatic.value = chosen.value;
    return;
  }
  try {
    const heard = await Promise.all(names.map(async (name) => ({ name, at: await lastHeard(name) })));
    const living = heard.filter(({ at }) => at > 0).sort((a, b) => b.at - a.at);
    const current = living.find(({ name }) => name === automatic.value && name !== DEMO);
    const real = current ?? living.find(({ name }) => name !== DEMO);
    automatic.value = (real ?? living[0])?.name ?? 'default';
  } catch {
    automatic.value ||= 'default'; // the screens say what is wrong
  }
}

/** Look now, then whenever a thread appears in the default project, and from time to time for other ones. */
export function followProjects() {
  void lookForProjects();
  subscribe('global', ({ event }) => {
    if (event === 'thread.started' && automatic.value !== 'default') void lookForProjects();
  });
  setInterval(() => {
    if (!document.hidden) void lookForProjects();
  }, LOOK_AGAIN_MS);
}
