// How values are written on this page.

import { h } from './dom.js';

// clock returns the time of day of a moment, in emulated time and UTC.
export function clock(text) {
  return isSet(text) ? new Date(text).toISOString().slice(11, 19) : '';
}

export function date(text) {
  return new Date(text).toISOString().slice(0, 10);
}

export function seconds(t) {
  return new Date(t * 1000).toISOString().slice(11, 19);
}

export function moment(text) {
  return isSet(text) ? h('time', { datetime: text, title: `${date(text)} UTC` }, clock(text)) : null;
}

// isSet reports whether a time is there: it is left out, or Go's zero time, where nothing has happened yet.
export function isSet(text) {
  return Boolean(text) && !text.startsWith('0001-');
}

// duration writes a number of seconds.
export function duration(seconds) {
  const s = Math.round(seconds);
  if (s >= 3600 && s % 3600 === 0) return `${s / 3600} h`;
  if (s >= 60 && s % 60 === 0) return `${s / 60} min`;
  return `${s} s`;
}

export function number(value) {
  if (value === undefined || value === null) return '–';
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}

// moods sorts states into good, waiting, leaving and bad. All others are off.
const moods = {
  good: ['healthy', 'running', 'InService', 'OK', 'Successful', 'ACTIVE', 'RUNNING', 'COMPLETED', 'done'],
  wait: ['initial', 'pending', 'Pending', 'PENDING', 'InProgress', 'IN_PROGRESS', 'INSUFFICIENT_DATA', 'starting',
    'restarting'],
  leave: ['draining', 'shutting-down', 'DEACTIVATING', 'STOPPING', 'DRAINING'],
  bad: ['unhealthy', 'ALARM', 'Failed', 'FAILED', 'failed'],
};
const signs = { good: '●', wait: '◐', leave: '▽', bad: '✕', off: '○' };

export function mood(state) {
  return Object.keys(moods).find((m) => moods[m].includes(state)) ?? 'off';
}

// badge shows a state by word, sign and colour.
export function badge(state, what) {
  if (!state) return null;
  const m = mood(state);
  return h('span', { class: `badge ${m}`, title: what ?? null },
    h('span', { 'aria-hidden': 'true', class: 'sign' }, signs[m]),
    what && h('span', { class: 'hidden' }, `${what} `), state);
}

export function empty(text) {
  return h('p', { class: 'empty' }, text);
}
