// The page: one shell, one screen at a time.
import { html, render } from './libraries.js';
import { connect } from './socket.js';
import { followProjects } from './store.js';
import { listenToKeys } from './keyboard.js';
import { Shell } from './parts/shell.js';

followProjects();
connect();
listenToKeys();
render(html`<${Shell} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
