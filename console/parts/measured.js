// What metrics say of a thread: tokens and cost that an agent counts itself, memory of the processes it ran in.
import { html, useEffect, useState } from '../libraries.js';
import { list, threadPath } from '../api.js';
import { clip, count, money, size } from '../format.js';

/** @typedef {import('../types').Measure} Measure */

const SHOWN = 12;

/** @param {Measure} measure */
function amount({ value, unit, name }) {
  if (unit === 'By') return size(value);
  if (unit === 'USD' || name.endsWith('.cost.usage')) return money(value);
  return name.endsWith('.utilization') ? `${(value * 100).toFixed(0)} %` : count(value);
}

/** @param {Measure} measure */
const about = ({ type, model, instance }) => [type, model, instance].filter(Boolean).join(' ');

/** @param {{project: string, id: string}} properties */
export function Measured({ project, id }) {
  const [measures, show] = useState(/** @type {Measure[]} */ ([]));
  useEffect(() => {
    let here = true;
    const shown = (/** @type {Measure[]} */ items) => here && show(items);
    list(threadPath(id, '/metrics'), { project }).then((page) => shown(page.items), () => shown([])); // the rest of the page says when the server is away
    return () => {
      here = false;
    };
  }, [project, id]);
  if (measures.length === 0) return null;
  return html`
    <dl class="facts-line" data-testid="measured">
      ${measures.slice(0, SHOWN).map((measure) => html`
        <div key=${[measure.name, measure.service, about(measure)].join(' ')} title=${clip(`${measure.service} ${measure.points} points`, 200)}>
          <dt>${clip(measure.name, 60)}</dt><dd class="clip"><b class="number">${amount(measure)}</b> <span class="faint">${clip(about(measure), 80)}</span></dd>
        </div>`)}
      ${measures.length > SHOWN ? html`<div class="faint">and ${measures.length - SHOWN} more</div>` : null}
    </dl>
  `;
}
