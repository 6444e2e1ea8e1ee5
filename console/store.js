// What every screen shares: the clock, the theme, whether we are let in, which project is shown.
import { computed, signal } from './libraries.js';
import { list, onUnauthorised, logIn } from './api.js';
import { clockSkew, connectNow, subscribe } from './socket.js';
import { amend, route } from './router.js';

const PROJECT_KEY = 'mission_control.project';
const THEME_KEY = 'mission_control.theme';
const TICK_MS = 250;
const LOOK_AGAIN_MS = 5000;
const DEMO = 'demo';
/** What we write ourselves, to try the way of a record or to measure it: to be chosen, never to be shown first. */
const OURS = new Set(['doctor', 'mission-control']);

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
  await logIn(value);
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

/** Of a shared link to a list, the project stays in further links; one that we would show anyway need not. */
export function projectParameter() {
  const name = project.value;
  return /** @type {Record<string, string>} */ (name && (remembered.value || name !== automatic.value) ? { project: name } : {});
}

/** Whether there is real data, so that looking again is not urgent. */
let settled = false;

/** Real data first: the demo shows only while it is alone. Of several real projects the default, else the fullest. */
async function lookForProjects() {
  if (locked.value) return;
  try {
    const page = /** @type {import('./types').Page<{project: string, threads?: number}>} */ (await list('/api/projects'));
    projects.value = [...new Set(['default', ...page.items.map((row) => row.project)])];
    const living = page.items.filter((row) => (row.threads ?? 1) > 0 && !OURS.has(row.project)).sort((a, b) => (b.threads ?? 0) - (a.threads ?? 0));
    const real = living.filter((row) => row.project !== DEMO);
    const current = real.find((row) => row.project === automatic.value) ?? real.find((row) => row.project === 'default');
    settled = real.length > 0;
    automatic.value = (current ?? real[0] ?? living[0])?.project ?? 'default';
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
    if (!document.hidden && (!settled || seconds.value % 30_000 < LOOK_AGAIN_MS)) void lookForProjects();
  }, LOOK_AGAIN_MS);
}
