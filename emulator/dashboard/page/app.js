// The page: it listens to the emulator's events and draws what they say.

import { h, patch } from './dom.js';
import { act, faults } from './faults.js';
import { capacityChart, chartElements, colour, drawCharts } from './lines.js';
import { activities, alarms, capacity, differences, notifications, refreshes } from './panels.js';
import { topology } from './topology.js';
import { clock, date } from './words.js';

const kept = 600; // points, as many as the emulator keeps

const at = (id) => document.getElementById(id);
let points = [];
let view = null;
let paused = false;

function draw() {
  if (!view || paused) return;
  const newest = points.at(-1);
  colour(view);
  at('title').textContent = `Emulator: ${view.stack}`;
  document.title = `${view.stack} – emulator`;
  patch(at('facts'), [`${view.region}, ${view.speed} × speed, `, h('time', { datetime: view.time },
    `${date(view.time)} ${clock(view.time)}`), ' emulated time']);
  patch(at('topology'), topology(view, newest, act));
  patch(at('faults'), faults(view, draw));
  const elements = chartElements(view);
  patch(at('requests'), [elements.requests]);
  patch(at('cpu'), [elements.cpu]);
  patch(at('capacity'), capacity(view, capacityChart));
  patch(at('alarms'), alarms(view));
  patch(at('activities'), activities(view));
  patch(at('refreshes'), refreshes(view));
  patch(at('notifications'), notifications(view));
  patch(at('differences'), differences(view));
  drawCharts(view, points);
}

function connection(state, text) {
  at('connection').dataset.state = state;
  at('connection').textContent = text;
}

function listen() {
  const events = new EventSource('events');
  events.addEventListener('open', () => connection('live', 'live'));
  events.addEventListener('history', (e) => { points = JSON.parse(e.data) ?? []; });
  events.addEventListener('status', (e) => {
    const { status, point, error } = JSON.parse(e.data);
    if (error) {
      connection('lost', error);
      return;
    }
    view = status;
    if (points.at(-1)?.time !== point.time) points = [...points, point].slice(-kept);
    draw();
  });
  events.addEventListener('error', () => {
    connection('lost', 'the emulator does not answer');
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 2000); // otherwise it tries again by itself
  });
}

at('pause').addEventListener('click', () => {
  paused = !paused;
  at('pause').setAttribute('aria-pressed', String(paused));
  draw();
});

listen();
