// Messages of language models in their many shapes, as plain parts. Pure.
import { plain } from './format.js';

/** @typedef {import('./types').Part} Part */
/** @typedef {import('./types').Json} Json */

/** @param {unknown} value @returns {unknown} the value, parsed when it is the text of a JSON list or object */
function unfolded(value) {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** @param {unknown} value */
export function pretty(value) {
  const body = unfolded(value);
  return plain(typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body, null, 2));
}

/** @param {unknown} raw @returns {Part} */
function partOf(raw) {
  if (typeof raw !== 'object' || raw === null) return { kind: 'text', text: plain(raw), name: '' };
  const part = /** @type {Record<string, unknown>} */ (raw);
  const type = String(part['type'] ?? '');
  const text = part['content'] ?? part['text'] ?? '';
  if (type === 'tool_call' || type === 'tool_use' || type === 'function_call') {
    return { kind: 'call', text: pretty(part['arguments'] ?? part['input'] ?? ''), name: plain(part['name'] ?? part['tool_name'] ?? 'tool') };
  }
  if (type === 'tool_call_response' || type === 'tool_result' || 'response' in part || 'result' in part) {
    return { kind: 'result', text: pretty(part['response'] ?? part['result'] ?? text), name: plain(part['name'] ?? '') };
  }
  if (type === 'reasoning' || type === 'thinking') return { kind: 'reasoning', text: plain(text || part['thinking']), name: '' };
  if (type === 'text' || typeof text === 'string' && text) return { kind: 'text', text: plain(text), name: '' };
  return { kind: 'other', text: pretty(part), name: type || 'part' };
}

/** @param {import('./types').Message} message @returns {Part[]} */
export function partsOf(message) {
  const content = /** @type {any} */ (unfolded(message.content));
  // Some hand over a whole message as the content of one.
  const sent = Array.isArray(content?.parts) ? content.parts : unfolded(message.parts);
  const body = Array.isArray(sent) && sent.length > 0 ? sent : content;
  const parts = (Array.isArray(body) ? body : [body ?? message.content]).map(partOf);
  if (message.role !== 'tool') return parts.filter((part) => part.text || part.name);
  return parts.map((part) => ({ ...part, kind: /** @type {const} */ ('result'), text: pretty(part.text), name: part.name || plain(message.tool_name) }));
}

/** Text and fenced code in turns; odd places are code. @param {string} text */
export const fenced = (text) => text.split(/^```[^\n]*\n?/m);
