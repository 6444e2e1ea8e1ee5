// Nobody is let in without the token that `up` printed.
import { html, useState } from '../libraries.js';
import { clip } from '../format.js';
import { unlock } from '../store.js';

export function LoginScreen() {
  const [failure, fail] = useState('');
  const submit = async (/** @type {SubmitEvent & {currentTarget: HTMLFormElement}} */ event) => {
    event.preventDefault();
    const value = String(new FormData(event.currentTarget).get('token') ?? '').trim();
    if (!value) return fail('Paste the token first.');
    try {
      await unlock(value);
    } catch (error) {
      fail(error instanceof Error ? clip(error.message, 200) : 'It was refused.');
    }
  };
  return html`
    <main class="login">
      <img src="icon.svg" alt="" width="44" height="44" />
      <h1>Log in to Mission Control</h1>
      <p>Open the login URL printed by <code>mission-control up</code>, or run:</p>
      <pre><code>mission-control login</code></pre>
      <form onSubmit=${submit}>
        <label for="token">Or paste the token</label>
        <div class="row"><input id="token" name="token" type="password" autocomplete="off" spellcheck="false" autofocus aria-describedby="token-failure" /><button class="primary">Log in</button></div>
        <p id="token-failure" class="failure" role="alert">${failure}</p>
      </form>
      <p class="faint">The token stands in <code>run.json</code> in the data directory.</p>
    </main>
  `;
}
