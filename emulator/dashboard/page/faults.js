// Faults: buttons beside what they hit, a form for all of them, and those that last.

import { h } from './dom.js';
import { badge, clock, empty, isSet } from './words.js';

let actions = []; // what the emulator can do
let asked = false; // for the actions
let chosen = ''; // the action in the form
let redraw = () => {};

// tell says what came of a request, to screen readers too.
function tell(text, failed) {
  const line = document.getElementById('result');
  line.textContent = text;
  line.className = failed ? 'bad' : '';
}

// request asks the control API. Its content type is one that no foreign page can send without being asked.
async function request(method, path, body) {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(path, { method, headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error((await response.text()).trim() || response.statusText);
  return response.json();
}

async function start(fault) {
  const what = `${fault.action} at ${fault.target}`;
  try {
    await request('POST', 'faults', fault);
    tell(`Started: ${what}`, false);
  } catch (failure) {
    tell(`Refused: ${what}: ${failure.message}`, true);
  }
}

async function stop(fault) {
  try {
    await request('DELETE', `faults/${encodeURIComponent(fault.ID)}`);
    tell(`Stopped: ${fault.Action} at ${fault.Target}`, false);
  } catch (failure) {
    tell(`Refused: ${failure.message}`, true);
  }
}

// act is the button of a fault that is over at once.
export function act(text, action, target, process) {
  const parameters = process ? { ProcessName: process } : undefined;
  return h('button', { type: 'button', class: 'act', 'data-action': action, title: `${action} at ${target}`,
    'aria-label': `${text} ${process ? `${process} on ` : ''}${target}`,
    onclick: () => start({ action, target, parameters }) }, text);
}

async function ask() {
  asked = true;
  try {
    actions = (await request('GET', 'faults')).Actions;
    chosen ||= actions[0].Name;
    redraw();
  } catch (failure) {
    asked = false;
    tell(`The faults are not known: ${failure.message}`, true);
  }
}

// faults is the panel. draw is called when the form looks different.
export function faults(view, draw) {
  redraw = draw;
  if (!asked) ask();
  return [h('h3', {}, 'Running'), running(view), h('h3', {}, 'Start one'), form(view)];
}

function running(view) {
  const list = view.Faults ?? [];
  if (list.length === 0) return empty('None.');
  return h('ul', { class: 'plain rows' }, list.map((f) => h('li', { key: f.ID, 'data-fault': f.ID },
    h('div', { class: 'head' }, h('span', {}, f.Action), badge('running')),
    h('p', { class: 'quiet' }, `${f.Target}, since ${clock(f.Started)}, `,
      isSet(f.Until) ? `until ${clock(f.Until)}` : 'until it is stopped'),
    h('button', { type: 'button', 'aria-label': `Stop ${f.Action} at ${f.Target}`, onclick: () => stop(f) }, 'Stop'))));
}

function form(view) {
  const action = actions.find((a) => a.Name === chosen);
  if (!action) return empty('Asking what there is.');
  const targets = action.Targets.flatMap((kind) => targetsOf(view, kind));
  return h('form', { onsubmit: (e) => submit(e, action) },
    label('Action', h('select', { name: 'action', onchange: (e) => { chosen = e.target.value; redraw(); } },
      actions.map((a) => h('option', { key: a.Name, value: a.Name }, a.Name)))),
    h('p', { class: 'quiet' }, action.Description),
    label('Target', h('select', { name: 'target', required: true },
      h('option', { value: '' }, 'choose'), // what is selected when the chosen one goes
      targets.map(([id, text]) => h('option', { key: id, value: id }, text)))),
    action.Lasting && label(`Duration, seconds there${action.Endless ? '; empty: until it is stopped' : ''}`,
      h('input', {
        key: 'duration', name: 'duration', type: 'number', min: 1, max: 43200, value: action.Endless ? null : 300,
        required: !action.Endless,
      })),
    (action.Parameters ?? []).map((p) => h('div', { key: `${action.Name} ${p.Name}` },
      label(`${p.Name}: ${p.Description}`,
        h('input', { name: `parameter ${p.Name}`, required: p.Required, placeholder: p.Default })))),
    h('button', { type: 'submit', disabled: targets.length === 0 }, 'Start'),
    targets.length === 0 && empty('There is nothing that it could hit.'));
}

function label(text, control) {
  return h('label', {}, h('span', {}, text), control);
}

// targetsOf lists what there is of a kind: its name and how it is shown.
function targetsOf(view, kind) {
  switch (kind) {
    case 'aws:ec2:instance':
      return view.Instances.filter((i) => i.State === 'running').map((i) => [i.ID, `${i.ID}, ${i.Zone}`]);
    case 'aws:ec2:autoscaling-group':
      return (view.Groups ?? []).map((g) => [g.Name, g.Name]);
    case 'aws:ec2:subnet':
      return Object.entries(view.Subnets).map(([id, zone]) => [id, zone ? `${id}, ${zone}` : id]);
    case 'aws:ecs:task':
      return (view.Tasks ?? []).filter((t) => t.State === 'RUNNING')
        .map((t) => [t.ID, `${t.ID.slice(0, 8)}, ${t.Service}`]);
    case 'availability-zone':
      return view.Zones.map((zone) => [zone, zone]);
    default:
      return [];
  }
}

function submit(event, action) {
  event.preventDefault();
  const given = new FormData(event.target);
  const parameters = {};
  for (const p of action.Parameters ?? []) {
    const value = given.get(`parameter ${p.Name}`);
    if (value) parameters[p.Name] = value;
  }
  const duration = Number(given.get('duration') ?? 0);
  start({ action: action.Name, target: given.get('target'), duration: duration || undefined, parameters });
}
