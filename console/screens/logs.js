// Every log record of the project as it arrives.
import { html } from '../libraries.js';
import { project } from '../store.js';
import { LogList } from '../parts/log_list.js';

export const LogsScreen = () => html`<header class="screen-head"><h1>Logs</h1></header><${LogList} project=${project.value} />`;
