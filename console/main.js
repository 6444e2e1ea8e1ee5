// The page: one shell, one screen at a time.
import { html, render } from './libraries.js';
import { request } from './api.js';
import { connect } from './socket.js';
import { watchForReturn } from './staleness.js';
import { followProjects } from './store.js';
import { listenToKeys } from './keyboard.js';
import { Shell } from './parts/shell.js';

followProjects();
connect();
listenToKeys();
watchForReturn(request);
render(html`<${Shell} />`, /** @type {HTMLElement} */ (document.getElementById('app')));
