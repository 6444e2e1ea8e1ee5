// What was judged, how, and by whom.
import { html } from '../libraries.js';
import { clip, precise } from '../format.js';

/** @typedef {import('../types').Score} Score */

const SHOWN = 20;

/** @param {Score} score */
const verdictOf = (score) => [score.value === null || score.value === undefined ? '' : String(Number(score.value.toPrecision(6))), score.label].filter(Boolean).map((word) => clip(word, 80)).join(' ');

/** @param {{scores: Score[] | undefined}} properties */
export function Scores({ scores }) {
  if (!scores || scores.length === 0) return null;
  return html`
    <dl class="facts-line" data-testid="scores">
      ${scores.slice(0, SHOWN).map((score) => html`
        <div key=${score.score_id} title=${clip([score.explanation, precise(score.timestamp)].filter(Boolean).join('\n'), 1000)}>
          <dt>${clip(score.name, 60)}</dt><dd class="clip"><b class="number">${verdictOf(score)}</b> ${score.source ? html`<span class="faint">by ${clip(score.source, 60)}</span>` : null} ${score.explanation ? html`<span>${clip(score.explanation, 200)}</span>` : null}</dd>
        </div>`)}
      ${scores.length > SHOWN ? html`<div class="faint">and ${scores.length - SHOWN} more scores</div>` : null}
    </dl>
  `;
}
