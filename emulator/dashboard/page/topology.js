// Balancers above the zones, instances in their zones, tasks on their instances.

import { colourOf, swatch } from './charts.js';
import { h } from './dom.js';
import { badge, clock, empty, number } from './words.js';

// topology draws a view. act(text, action, target) returns the button of a fault.
export function topology(view, point, act) {
  if (view.balancers.length === 0 && view.instances.length === 0) {
    return [empty('Nothing is deployed yet.')];
  }
  return [
    h('div', { class: 'balancers' }, balancers(view, point)),
    h('div', { class: 'zones' }, view.zones.map((zone) => zoneOf(view, point, zone, act))),
  ];
}

function balancers(view, point) {
  const names = [...new Set(view.balancers.map((b) => b.name))];
  return names.map((name) => {
    const listeners = view.balancers.filter((b) => b.name === name);
    return h('article', { key: name, class: 'balancer' },
      h('h3', {}, name, ' ', h('span', { class: 'quiet' }, `${listeners[0].kind} load balancer`)),
      h('ul', { class: 'plain' }, listeners.map(listener)),
      h('p', { class: 'quiet' }, `${number(sum(point?.rates))} a second, ${number(point?.refused ?? 0)} unanswered`));
  });
}

function listener(b) {
  const flows = Object.values(b.flows ?? {});
  const total = flows.reduce((n, f) => n + f.total, 0);
  const refused = flows.reduce((n, f) => n + f.refused, 0);
  const active = flows.reduce((n, f) => n + f.active, 0);
  return h('li', { key: b.protocol + b.address },
    h('code', {}, b.protocol), ' at ', h('code', {}, b.address),
    b.redirect && h('span', {}, ' → ', h('code', {}, b.redirect)),
    b.failure ? h('p', { class: 'why bad' }, b.failure)
      : h('span', { class: 'quiet' }, ` ${total} taken, ${active} open${refused ? `, ${refused} unanswered` : ''}`));
}

function sum(values) {
  return Object.values(values ?? {}).reduce((a, b) => a + b, 0);
}

function zoneOf(view, point, zone, act) {
  const all = view.instances.filter((i) => i.zone === zone);
  const gone = all.filter((i) => i.state === 'terminated');
  const existing = all.filter((i) => i.state !== 'terminated');
  const healthy = existing.filter((i) => i.target === 'healthy').length;
  return h('section', { key: zone, class: 'zone', 'aria-label': `Zone ${zone}` },
    h('h3', {}, zone, ' ', h('span', { class: 'quiet' }, `instances: ${existing.length}, healthy: ${healthy}`)),
    hits(view, [zone, ...Object.keys(view.subnets).filter((s) => view.subnets[s] === zone)]),
    existing.length === 0 && empty('No instance in this zone.'),
    h('ul', { class: 'instances' }, existing.map((i) => instance(view, point, i, act))),
    gone.length > 0 && h('details', { class: 'gone' },
      h('summary', {}, `${gone.length} terminated`),
      h('ul', { class: 'plain' }, gone.map((i) => h('li', { key: i.id }, h('code', {}, i.id), ' ',
        h('span', { class: 'quiet' }, i.description))))));
}

function instance(view, point, i, act) {
  const tasks = view.tasks.filter((t) => t.instance === i.id && t.state !== 'STOPPED');
  const services = i.services ?? [];
  const running = i.state === 'running';
  const states = { 'data-id': i.id, 'data-target': i.target || null, 'data-state': i.state };
  return h('li', { key: i.id, class: 'instance', ...states },
    h('div', { class: 'head' }, swatch(colourOf(i.id)),
      h('code', { class: 'id' }, i.id),
      running && i.target ? badge(i.target, 'target') : badge(i.state, 'instance')),
    h('p', { class: 'quiet' }, [i.lifecycle, view.members[i.id], i.version && `version ${i.version}`,
      `${i.address} at ${i.loopback}`, `since ${clock(i.launched)}`].filter(Boolean).join(' · ')),
    hits(view, [i.id]),
    running && meter(i.cpu, ratesOf(point, i.id)),
    i.description && h('p', { class: 'why' }, i.description),
    services.length > 0 && h('ul', { class: 'services plain' }, services.map((s) => service(i, s, act))),
    tasks.length > 0 && h('ul', { class: 'tasks plain' }, tasks.map((t) => task(view, t, act))),
    running && h('div', { class: 'buttons' }, act('Terminate', 'aws:ec2:terminate-instances', i.id)));
}

// hits lists the faults that last at one of the targets.
function hits(view, targets) {
  return view.faults.filter((f) => targets.includes(f.target)).map((f) => h('p', { key: f.id, class: 'why' },
    `${f.action} at ${f.target}`));
}

// ratesOf sums the rates of an instance's targets: the instance itself, or one target for each of its ports.
function ratesOf(point, id) {
  const rates = Object.entries(point?.rates ?? {}).filter(([target]) => target === id || target.startsWith(`${id}:`));
  return rates.reduce((n, [, rate]) => n + rate, 0);
}

function meter(cpu, rate) {
  return h('div', { class: 'meter' },
    h('span', { class: 'bar', 'aria-hidden': 'true', style: { '--share': `${Math.min(100, cpu)}%` } }),
    h('span', {}, `CPU ${number(cpu)} %`), h('span', {}, `${number(rate)} requests/s`));
}

const kill = 'aws:ssm:send-command/AWSFIS-Run-Kill-Process';

function service(i, s, act) {
  const done = s.state === 'stopped' && (s.lastExit === 'exit status 0' || s.lastExit.startsWith('skipped'));
  return h('li', { key: s.name },
    h('span', {}, s.name), ' ', badge(done ? 'done' : s.state),
    s.restarts > 0 && h('span', { class: 'quiet' }, ` restarted ${s.restarts} times`),
    s.state === 'running' && i.state === 'running' && act('Kill', kill, i.id, s.name));
}

function task(view, t, act) {
  return h('li', { key: t.id, 'data-task': t.id },
    h('span', { class: 'quiet' }, 'task '), h('code', {}, t.id.slice(0, 8)), ` ${t.service}:${t.revision} `,
    badge(t.state, 'task'), ' ', badge(t.target, 'target'),
    h('span', { class: 'quiet' }, ` port ${t.port}, CPU ${number(t.cpu)} %`),
    (t.description || t.reason) && h('p', { class: 'why' }, t.description || t.reason),
    t.state === 'RUNNING' && act('Stop', 'aws:ecs:stop-task', t.id));
}
