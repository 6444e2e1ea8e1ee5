// Says that what is shown is old, since when, and what that means, while the store is away.
import { html } from '../libraries.js';
import { moment } from '../format.js';
import { away } from '../staleness.js';
import { Age } from './age.js';

const MEANWHILE = 'What agents send meanwhile is kept, and shows here as soon as the store is back.';

export function StoreAway() {
  if (!away.value) return null;
  const { since } = away.value;
  return html`
    <p class="store-away" role="status" data-testid="store-away">
      <strong>The store is away.</strong>${' '}
      ${since ? html`You see what it said at <time datetime=${since}>${moment(since)}</time>, <${Age} since=${since} /> ago.` : 'There is nothing to show yet.'}${' '}${MEANWHILE}
    </p>
  `;
}
