// What surrounds every screen: the way around, the project, the state of the connection.
import { html, useEffect, useRef } from '../libraries.js';
import { clip, ticking } from '../format.js';
import { helpOpen, onEscape } from '../keyboard.js';
import { href, route } from '../router.js';
import { connection, connectNow } from '../socket.js';
import { automatic, chooseProject, chosen, locked, project, projectParameter, projects, seconds, theme, toggleTheme } from '../store.js';
import { ConnectLines } from '../screens/connect.js';
import { LoginScreen } from '../screens/login.js';
import { LogsScreen } from '../screens/logs.js';
import { ThreadScreen } from '../screens/thread.js';
import { ThreadsScreen } from '../screens/threads.js';
import { Icon } from './icons.js';
import { StoreAway } from './store_away.js';

const LINKS = /** @type {const} */ ([['threads', 'Threads'], ['logs', 'Logs'], ['connect', 'Connect']]);

function ConnectionState() {
  const { state, since } = connection.value;
  if (state === 'live') return html`<span class="connection" data-state="live" data-testid="connection" role="status"><i></i><span>Live</span></span>`;
  const words = state === 'connecting' ? 'Connecting…' : `Reconnecting, stale for ${ticking(Math.max(0, seconds.value - since))}`;
  return html`<button type="button" class="connection" data-state=${state} data-testid="connection" title="Try again now" onClick=${connectNow}><i></i><span>${words}</span></button>`;
}

/** @param {string} name */
const labelOf = (name) => (name === 'demo' ? 'demo · sample' : clip(name, 40));

function ProjectPicker() {
  const names = [...new Set([...projects.value, project.value].filter(Boolean))];
  const change = (/** @type {Event & {currentTarget: HTMLSelectElement}} */ event) => chooseProject(event.currentTarget.value);
  return html`
    <label class="project"><span>Project</span>
      <select data-testid="project" value=${chosen.value} onChange=${change}>
        <option value="">Automatic${automatic.value ? ` · ${clip(automatic.value, 24)}` : ''}</option>
        ${names.map((name) => html`<option key=${name} value=${name}>${labelOf(name)}</option>`)}
      </select>
    </label>
  `;
}

function Sidebar() {
  const screen = route.value.screen === 'thread' ? 'threads' : route.value.screen;
  const parameters = projectParameter();
  return html`
    <aside class="sidebar">
      <a class="brand" href=${href('/threads', parameters)}><img src="icon.svg" alt="" width="26" height="26" /><span>Mission Control</span></a>
      <nav aria-label="Screens">
        ${LINKS.map(([name, word]) => html`<a key=${name} href=${href(`/${name}`, parameters)} aria-current=${screen === name ? 'page' : undefined}><${Icon} name=${name} /><span>${word}</span></a>`)}
      </nav>
      <${ProjectPicker} />
      <div class="sidebar-foot">
        <${ConnectionState} />
        <span class="buttons">
          <button type="button" class="quiet" onClick=${toggleTheme} aria-label=${theme.value === 'dark' ? 'Light theme' : 'Dark theme'} title="Theme"><${Icon} name=${theme.value === 'dark' ? 'sun' : 'moon'} /></button>
          <button type="button" class="quiet" onClick=${() => (helpOpen.value = true)} aria-label="Keyboard help" title="Keyboard help"><${Icon} name="help" /></button>
        </span>
      </div>
    </aside>
  `;
}

const KEYS = [['/', 'search'], ['J  K', 'next, previous'], ['Enter', 'open'], ['Esc', 'close, back'], ['?', 'this help']];

function Help() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    dialog.current?.showModal();
    return onEscape(() => (helpOpen.value = false));
  }, []);
  return html`
    <dialog class="help" ref=${dialog} onClose=${() => (helpOpen.value = false)} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl>${KEYS.map(([key, meaning]) => html`<div key=${key}><dt><kbd>${key}</kbd></dt><dd>${meaning}</dd></div>`)}</dl>
      <form method="dialog"><button>Close</button></form>
    </dialog>
  `;
}

function Screen() {
  const { screen, id } = route.value;
  if (screen === 'thread') return html`<${ThreadScreen} key=${`${project.value}/${id}`} id=${id} />`;
  if (screen === 'logs') return html`<${LogsScreen} key=${project.value} />`;
  if (screen === 'connect') return html`<${ConnectLines} empty=${false} />`;
  return html`<${ThreadsScreen} />`;
}

export function Shell() {
  if (locked.value) return html`<${LoginScreen} />`;
  return html`
    <a class="skip" href="#main" onClick=${(/** @type {Event} */ event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>To the content</a>
    <${Sidebar} />
    <main id="main" tabindex="-1" data-screen=${route.value.screen}>
      <${StoreAway} />
      ${project.value === 'demo' && route.value.screen === 'threads' ? html`<p class="demo-note" role="note">You see the demo fleet. <a href="#/connect">Connect an agent</a> and its threads take this place.</p>` : null}
      <${Screen} />
    </main>
    ${helpOpen.value ? html`<${Help} />` : null}
  `;
}
