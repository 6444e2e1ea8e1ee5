// A text to take away.
import { html, useState } from '../libraries.js';
import { Icon } from './icons.js';

const SAID_MS = 1500;

/** The clipboard needs a secure page; a hidden selection works elsewhere. @param {string} text */
async function toClipboard(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'offscreen';
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

/** @param {{text: string, label?: string}} properties */
export function Copy({ text, label = 'Copy' }) {
  const [said, say] = useState('');
  const copy = async () => {
    try {
      await toClipboard(text);
      say('Copied');
    } catch {
      say('Select and copy by hand');
    }
    setTimeout(() => say(''), SAID_MS);
  };
  return html`<button type="button" class="quiet copy" onClick=${copy}><${Icon} name=${said === 'Copied' ? 'complete' : 'copy'} /><span aria-live="polite">${said || label}</span></button>`;
}
