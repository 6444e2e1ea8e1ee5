// The only module that knows where the bundled libraries lie; its types stand in libraries.d.ts.
export { html, render } from './vendor/htm.js';
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from './vendor/hooks.js';
export { batch, computed, effect, signal } from './vendor/signals.js';
