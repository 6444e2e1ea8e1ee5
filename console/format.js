// How values look. Whatever comes from outside passes `plain` or `clip` before it is shown on one line.

// Control characters and the marks that turn the reading direction round: invisible, and able to disguise what follows.
const INVISIBLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;
const LONGEST_ID = 26;
const UNITS = ['', 'k', 'M', 'G', 'T'];

/** Text of any value, control characters removed, line breaks kept. @param {unknown} value */
export function plain(value) {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  return text.replace(INVISIBLE, '');
}

/** One line of at most `limit` characters. @param {unknown} value @param {number} [limit] */
export function clip(value, limit = 160) {
  const raw = typeof value === 'string' ? value.slice(0, limit * 8) : value;
  const line = plain(raw).replace(/\s+/g, ' ').trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}

/** Milliseconds since 1970 of an ISO time; null when there is none. @param {string | null | undefined} text */
export function instant(text) {
  if (!text) return null;
  const value = Date.parse(text.replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(value) || value <= 0 ? null : value;
}

/** @param {number | null | undefined} ms */
export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return '–';
  if (ms < 0.005) return '0 ms';
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(Math.floor(ms / 100) / 10).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, '0')}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}m`;
  return `${Math.floor(seconds / 86_400)}d ${Math.floor((seconds % 86_400) / 3600)}h`;
}

/** Whole seconds, for what ticks. @param {number | null | undefined} ms */
export function ticking(ms) {
  return ms !== null && ms !== undefined && ms < 60_000 ? `${Math.max(0, Math.floor(ms / 1000))} s` : duration(ms);
}

/** @param {number | null | undefined} value */
export function count(value) {
  let rest = value ?? 0;
  let unit = 0;
  while (Math.abs(rest) >= 1000 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return unit === 0 ? String(rest) : `${rest.toFixed(rest < 10 ? 1 : 0)}${UNITS[unit]}`;
}

/** @param {number | null | undefined} value */
export function money(value) {
  if (value === null || value === undefined) return '–';
  if (value === 0) return '$0';
  return value < 0.01 ? `$${value.toFixed(4)}` : `$${value.toFixed(2)}`;
}

/** @param {number | null | undefined} bytes */
export function size(bytes) {
  if (!bytes) return '–';
  const megabytes = bytes / 1_000_000;
  return megabytes < 1 ? `${Math.round(bytes / 1000)} kB` : megabytes < 1000 ? `${megabytes.toFixed(megabytes < 10 ? 1 : 0)} MB` : `${(megabytes / 1000).toFixed(1)} GB`;
}

const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const MINUTE = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const RECENT_MS = 72_000_000;

/** The date where the time of day alone would mislead (not within the last 20 hours), with the year when it is another; else ''. @param {string | null | undefined} text */
export function day(text) {
  const at = instant(text);
  if (at === null || Math.abs(Date.now() - at) < RECENT_MS) return '';
  const year = new Date(at).getFullYear();
  return year === new Date().getFullYear() ? DAY.format(at) : `${DAY.format(at)} ${year}`;
}

/** Time of day, or the date and what else has room in a column. @param {string | null | undefined} text */
export function moment(text) {
  const at = instant(text);
  if (at === null) return '–';
  const date = day(text);
  if (!date) return CLOCK.format(at);
  return /\d{4}$/.test(date) ? date : `${date} ${MINUTE.format(at)}`;
}

/** Time of day with milliseconds. @param {string | null | undefined} text */
export function clock(text) {
  const at = instant(text);
  return at === null ? '–' : `${CLOCK.format(at)}.${String(at % 1000).padStart(3, '0')}`;
}

/** Time of day with milliseconds, the date before it where it was another day. @param {string | null | undefined} text */
export const precise = (text) => [day(text), clock(text)].filter(Boolean).join(' ');

/** "gpt-x" style names stay; long ids keep their ends. @param {string} id */
export const shortId = (id) => (id.length > LONGEST_ID ? `${clip(id.slice(0, 10))}…${clip(id.slice(-6))}` : clip(id));
