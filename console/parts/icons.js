// Small line icons, 16 by 16, in the colour of their text. They are decoration: a word always stands beside them.
import { html } from '../libraries.js';

/** @type {Record<string, string>} */
const PATHS = {
  running: 'M5 3.5v9l7-4.5z',
  waiting: 'M4 2.5h8M4 13.5h8M5 2.5c0 3 3 4 3 5.5s-3 2.5-3 5.5M11 2.5c0 3-3 4-3 5.5s3 2.5 3 5.5',
  stalled: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3.2l2 1.8',
  error: 'M8 2.2 14.5 13.5h-13zM8 6.5v3.2M8 11.6v.2',
  paused: 'M5.5 3.5v9M10.5 3.5v9',
  complete: 'M3 8.5l3.2 3.2L13 4.8',
  cancelled: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM4.3 11.7l7.4-7.4',
  shield: 'M8 2l5 2v4c0 3-2 5-5 6-3-1-5-3-5-6V4z',
  up: 'M8 13V3.5M4 7.5l4-4 4 4',
  threads: 'M2.5 4h4M4.5 8h7M7.5 12h6',
  logs: 'M3 3.5h10M3 6.5h7M3 9.5h10M3 12.5h5',
  connect: 'M6 10l4-4M7 4.5l1.5-1.5a3 3 0 0 1 4.3 4.3L11.3 8.8M9 11.5 7.5 13a3 3 0 0 1-4.3-4.3L4.7 7.2',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.3M8 13.2v1.3M1.5 8h1.3M13.2 8h1.3M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z',
  help: 'M6 6a2 2 0 1 1 2.8 1.8c-.6.3-.8.7-.8 1.4M8 11.5v.2',
  close: 'M4 4l8 8M12 4l-8 8',
  back: 'M9.5 3.5 5 8l4.5 4.5',
  open: 'M5 3l5 5-5 5',
  down: 'M3 5.5l5 5 5-5',
  copy: 'M5.5 5.5h8v8h-8zM2.5 10.5v-8h8',
  search: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.5 10.5l3 3',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  play: 'M5 3.5v9l7-4.5z',
  loop: 'M3 8a5 5 0 0 1 8.7-3.4L13 6M13 2.5V6H9.5M13 8a5 5 0 0 1-8.7 3.4L3 10M3 13.5V10h3.5',
  tool: 'M9.8 6.2 3 13M10 3a3 3 0 0 0 3 3l1-1.5M10 3 11.500 2M8.800 5.500a3.400 3.400 0 0 0 4.700 3',
};

/** @param {{name: string}} properties */
export const Icon = ({ name }) => html`
  <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false"><path d=${PATHS[name] ?? PATHS['complete']} /></svg>
`;
