// Faults: buttons beside their targets, a form for all faults, and a list of the faults that last.

import { h } from './dom.js';
import { badge, clock, empty, isSet } from './words.js';

let actions = []; // that the emulator offers
let asked = false; // whether the actions have been requested
let chosen = ''; // the action in the form
let redraw = () => {};

// tell shows the result of a request, to screen readers too.
function tell(text, failed) {
  const line = document.getElementById('result');
  line.textContent = text;
  line.className = failed ? 'bad' : '';
}

// request calls the control API. A page of another origin cannot send this content type without the server's consent.
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
    await request('DELETE', `faults/${encodeURIComponent(fault.id)}`);
    tell(`Stopped: ${fault.action} at ${fault.target}`, false);
  } catch (failure) {
    tell(`Refused: ${failure.message}`, true);
  }
}

// act returns the button of a fault that is over at once.
export function act(text, action, target, process) {
  const parameters = process ? { ProcessName: process } : undefined;
  return h('button', { type: 'button', class: 'act', 'data-action': action, title: `${action} at ${target}`,
    'aria-label': `${text} ${process ? `${process} on ` : ''}${target}`,
    onclick: () => start({ action, target, parameters }) }, text);
}

async function ask() {
  asked = true;
  try {
    actions = (await request('GET', 'faults')).actions;
    chosen ||= actions[0].name;
    redraw();
  } catch (failure) {
    asked = false;
    tell(`The emulator did not list its faults: ${failure.message}`, true);
  }
}

// faults returns the panel. It calls draw when the form changes.
export function faults(view, draw) {
  redraw = draw;
  if (!asked) ask();
  return [h('h3', {}, 'Running'), running(view), h('h3', {}, 'Start one'), form(view)];
}

function running(view) {
  const list = view.faults;
  if (list.length === 0) return empty('None.');
  return h('ul', { class: 'plain rows' }, list.map((f) => h('li', { key: f.id, 'data-fault': f.id },
    h('div', { class: 'head' }, h('span', {}, f.action), badge('running')),
    h('p', { class: 'quiet' }, `${f.target}, since ${clock(f.started)}, `,
      isSet(f.until) ? `until ${clock(f.until)}` : 'until it is stopped'),
    h('button', { type: 'button', 'aria-label': `Stop ${f.action} at ${f.target}`, onclick: () => stop(f) }, 'Stop'))));
}

function form(view) {
  const action = actions.find((a) => a.name === chosen);
  if (!action) return empty('Loading the list of faults.');
  const targets = action.targets.flatMap((kind) => targetsOf(view, kind));
  return h('form', { onsubmit: (e) => submit(e, action) },
    label('Action', h('select', { name: 'action', onchange: (e) => { chosen = e.target.value; redraw(); } },
      actions.map((a) => h('option', { key: a.name, value: a.name }, a.name)))),
    h('p', { class: 'quiet' }, action.description),
    label('Target', h('select', { name: 'target', required: true },
      h('option', { value: '' }, 'choose'), // selected when the chosen target disappears
      targets.map(([id, text]) => h('option', { key: id, value: id }, text)))),
    action.lasting && label(`Duration in emulated seconds${action.endless ? ' (empty: until it is stopped)' : ''}`,
      h('input', {
        key: 'duration', name: 'duration', type: 'number', min: 1, max: 43200, value: action.endless ? null : 300,
        required: !action.endless,
      })),
    (action.parameters ?? []).map((p) => h('div', { key: `${action.name} ${p.name}` },
      label(`${p.name}: ${p.description}`,
        h('input', { name: `parameter ${p.name}`, required: p.required, placeholder: p.default })))),
    h('button', { type: 'submit', disabled: targets.length === 0 }, 'Start'),
    targets.length === 0 && empty('No target for this fault exists.'));
}

function label(text, control) {
  return h('label', {}, h('span', {}, text), control);
}

// targetsOf lists the targets of a kind, each with its name and its label.
function targetsOf(view, kind) {
  switch (kind) {
    case 'aws:ec2:instance':
      return view.instances.filter((i) => i.state === 'running').map((i) => [i.id, `${i.id}, ${i.zone}`]);
    case 'aws:ec2:autoscaling-group':
      return view.groups.map((g) => [g.name, g.name]);
    case 'aws:ec2:subnet':
      return Object.entries(view.subnets).map(([id, zone]) => [id, zone ? `${id}, ${zone}` : id]);
    case 'aws:ecs:task':
      return view.tasks.filter((t) => t.state === 'RUNNING')
        .map((t) => [t.id, `${t.id.slice(0, 8)}, ${t.service}`]);
    case 'availability-zone':
      return view.zones.map((zone) => [zone, zone]);
    default:
      return [];
  }
}

function submit(event, action) {
  event.preventDefault();
  const given = new FormData(event.target);
  const parameters = {};
  for (const p of action.parameters ?? []) {
    const value = given.get(`parameter ${p.name}`);
    if (value) parameters[p.name] = value;
  }
  const duration = Number(given.get('duration') ?? 0);
  start({ action: action.name, target: given.get('target'), duration: duration || undefined, parameters });
}
