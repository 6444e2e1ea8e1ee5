// REST of the control API. The page's own cookie authenticates; a pasted token does where there is no cookie.

import { noteAnswer } from './staleness.js';

const TOKEN_KEY = 'mission_control.token';
const TIMEOUT_MS = 20_000;

/** What the server answered instead of data; `status` 0 means it did not answer at all. */
export class ApiError extends Error {
  /** @param {number} status @param {string} detail */
  constructor(status, detail) {
    super(detail);
    this.name = 'ApiError';
    this.status = status;
  }
}

export const token = {
  read: () => sessionStorage.getItem(TOKEN_KEY) ?? '',
  /** @param {string} value */
  write: (value) => (value ? sessionStorage.setItem(TOKEN_KEY, value) : sessionStorage.removeItem(TOKEN_KEY)),
};

/** @param {RequestInit} options @returns {RequestInit} */
function authorised(options) {
  const bearer = token.read();
  const headers = { accept: 'application/json', ...(bearer ? { authorization: `Bearer ${bearer}` } : {}), ...options.headers };
  return { ...options, headers, credentials: 'same-origin', signal: AbortSignal.timeout(TIMEOUT_MS) };
}

/** @param {Response} response */
async function problem(response) {
  const body = await response.text();
  try {
    const { title, detail } = JSON.parse(body);
    return String(detail || title || response.statusText);
  } catch {
    return body.slice(0, 200) || response.statusText;
  }
}

/** Listeners that learn of a 401, so that the page can ask for a token. @type {Set<() => void>} */
export const onUnauthorised = new Set();

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @returns {Promise<any>} the parsed body
 * @throws {ApiError}
 */
export async function request(path, options = {}) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(path, authorised(options));
  } catch (error) {
    throw new ApiError(0, error instanceof Error && error.name === 'TimeoutError' ? 'No answer in time' : 'The server cannot be reached');
  }
  if (response.status === 401) for (const tell of onUnauthorised) tell();
  const body = response.ok ? await response.json() : null;
  noteAnswer(path, response, body);
  if (!response.ok) throw new ApiError(response.status, await problem(response));
  return body;
}

/** @param {Record<string, string | number | null | undefined>} parameters */
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return text ? `?${text}` : '';
}

/**
 * @template Row
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} [parameters]
 * @returns {Promise<import('./types').Page<Row>>}
 */
export async function list(path, parameters = {}) {
  const body = await request(path + query(parameters));
  return { items: body.items ?? [], next: body.next ?? null };
}

/** @param {string} id @param {string} [part] */
export const threadPath = (id, part = '') => `/api/threads/${encodeURIComponent(id)}${part}`;

/** Try a pasted token and turn it into a session of this browser; where that fails, this tab keeps the token. @param {string} value @throws {ApiError} */
export async function logIn(value) {
  token.write(value);
  try {
    const { login_url: url } = await request('/api/auth/login-url', { method: 'POST' });
    const { pathname, search } = new URL(url);
    if ((await fetch(pathname + search, { credentials: 'same-origin' })).ok) token.write('');
  } catch (error) {
    token.write('');
    throw error;
  }
}
