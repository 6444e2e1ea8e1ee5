// A long list of equally high rows, of which only the visible ones exist.
import { html, useLayoutEffect, useRef, useState } from '../libraries.js';

const BEYOND = 8;
const NEAR_END_PX = 30;

/**
 * @param {{count: number, rowHeight: number, row: (index: number) => unknown, label: string, name: string,
 *   atEnd?: boolean, onEnd?: (atEnd: boolean) => void, reveal?: number}} properties `atEnd` keeps the last row in view as rows are added;
 *   `reveal` scrolls that row into view when it changes.
 */
export function Windowed({ count, rowHeight, row, label, name, atEnd = false, onEnd, reveal = -1 }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [view, look] = useState({ top: 0, height: 800 });

  const measure = () => {
    const element = box.current;
    if (!element) return;
    const top = Math.floor(element.scrollTop / rowHeight) * rowHeight;
    look((old) => (old.top === top && old.height === element.clientHeight ? old : { top, height: element.clientHeight }));
  };
  useLayoutEffect(() => {
    if (!box.current) return undefined;
    const watcher = new ResizeObserver(measure);
    watcher.observe(box.current);
    return () => watcher.disconnect();
  }, []);
  useLayoutEffect(() => {
    if (atEnd && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [atEnd, count, view.height]);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || reveal < 0) return;
    const top = reveal * rowHeight;
    if (top < element.scrollTop) element.scrollTop = top;
    else if (top + rowHeight > element.scrollTop + element.clientHeight) element.scrollTop = top + rowHeight - element.clientHeight;
  }, [reveal]);

  const scrolled = () => {
    measure();
    const element = box.current;
    if (onEnd && element) onEnd(element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX);
  };
  const first = Math.max(0, Math.floor(view.top / rowHeight) - BEYOND);
  const last = Math.min(count, Math.ceil((view.top + view.height) / rowHeight) + BEYOND);
  const rows = [];
  for (let index = first; index < last; index += 1) rows.push(row(index));
  return html`
    <div class="windowed" ref=${box} onScroll=${scrolled} tabindex="0" role="region" aria-label=${label} data-testid=${name} data-count=${count}>
      <div class="windowed-all" style=${{ height: `${count * rowHeight}px` }}>
        <div class="windowed-some" style=${{ transform: `translateY(${first * rowHeight}px)` }}>${rows}</div>
      </div>
    </div>
  `;
}
