// How to connect an agent: what an empty project shows until its first thread arrives.
import { html, useEffect, useState } from '../libraries.js';
import { list, request } from '../api.js';
import { snippets } from '../connect_lines.js';
import { project } from '../store.js';
import { narrow } from '../threads.js';
import { Copy } from '../parts/copy.js';

const HTTP_PORT = 4318;
const GRPC_PORT = 4317;

const byDefault = () => ({ http: `http://${location.hostname}:${HTTP_PORT}`, grpc: `http://${location.hostname}:${GRPC_PORT}` });

/** The system's own word on its addresses where it gives one, else the standard ports. */
async function endpoints() {
  try {
    const { endpoints: said } = await request('/api/overview');
    return { http: String(said?.otlp_http ?? byDefault().http), grpc: String(said?.otlp_grpc ?? byDefault().grpc) };
  } catch {
    return byDefault();
  }
}

const LOOK_MS = 4000;

/** Traces without agent attributes are no threads; without this word they would seem lost. */
function PlainTraces() {
  const [there, say] = useState(false);
  useEffect(() => {
    const look = () => list('/api/threads', { project: project.value, kind: 'trace', limit: 1 }).then((page) => say(page.items.length > 0)).catch(() => say(false));
    void look();
    const timer = setInterval(look, LOOK_MS);
    return () => clearInterval(timer);
  }, [project.value]);
  if (!there) return null;
  return html`<p class="demo-note inline" role="note">Traces have arrived that name no agent, so they are no threads. <button type="button" class="link" onClick=${() => narrow({ traces: true })}>Show plain traces</button></p>`;
}

/** @param {{empty: boolean}} properties */
export function ConnectLines({ empty }) {
  const [where, know] = useState(byDefault());
  const [at, choose] = useState(0);
  useEffect(() => {
    void endpoints().then(know);
  }, []);
  const all = snippets(where.http, where.grpc);
  const snippet = all[at] ?? all[0];
  return html`
    <section class="connect" data-testid=${empty ? 'empty' : 'connect'}>
      <h1>${empty ? 'No threads yet' : 'Connect an agent'}</h1>
      <p class="lead">Send OpenTelemetry to <code>${where.http}</code> (HTTP) or <code>${where.grpc}</code> (gRPC). ${empty ? html`This page gives way to the first thread of project <b>${project.value || 'default'}</b> as soon as it arrives.` : null}</p>
      ${empty ? html`<${PlainTraces} />` : null}
      <div class="snippet-tabs" role="group" aria-label="Agents">
        ${all.map(({ title }, index) => html`<button key=${title} type="button" aria-pressed=${index === at} onClick=${() => choose(index)}>${title}</button>`)}
      </div>
      ${snippet
        ? html`<figure class="snippet" data-testid="snippet"><figcaption><span class="faint">${snippet.where}</span><${Copy} key=${snippet.title} text=${snippet.text} /></figcaption><pre><code>${snippet.text}</code></pre></figure>`
        : null}
      <ul class="hints faint">
        <li>One conversation is one thread: set <code>gen_ai.conversation.id</code>; without it each trace is its own.</li>
        <li>Another project: header <code>x-mission-control-project: NAME</code>, or resource attribute <code>mission_control.project</code>.</li>
        <li>Nothing to connect yet? <code>mission-control demo</code> starts a sample fleet in project <b>demo</b>.</li>
      </ul>
    </section>
  `;
}
