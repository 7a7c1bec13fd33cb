// Balancers above the zones, in each zone its instances, on each instance its tasks.

import { colourOf, swatch } from './charts.js';
import { h } from './dom.js';
import { badge, clock, empty, number } from './words.js';

// topology draws a view; act(text, action, target) makes a fault's button.
export function topology(view, point, act) {
  if (view.Balancers === null && view.Instances.length === 0) {
    return [empty('Nothing is deployed yet.')];
  }
  return [
    h('div', { class: 'balancers' }, balancers(view, point)),
    h('div', { class: 'zones' }, view.Zones.map((zone) => zoneOf(view, point, zone, act))),
  ];
}

function balancers(view, point) {
  const names = [...new Set((view.Balancers ?? []).map((b) => b.Name))];
  return names.map((name) => {
    const listeners = view.Balancers.filter((b) => b.Name === name);
    return h('article', { key: name, class: 'balancer' },
      h('h3', {}, name, ' ', h('span', { class: 'quiet' }, `${listeners[0].Kind} load balancer`)),
      h('ul', { class: 'plain' }, listeners.map(listener)),
      h('p', { class: 'quiet' }, `${number(sum(point?.Rates))} a second, ${number(point?.Refused ?? 0)} unanswered`));
  });
}

function listener(b) {
  const flows = Object.values(b.Flows ?? {});
  const total = flows.reduce((n, f) => n + f.Total, 0);
  const refused = flows.reduce((n, f) => n + f.Refused, 0);
  const active = flows.reduce((n, f) => n + f.Active, 0);
  return h('li', { key: b.Protocol + b.Address },
    h('code', {}, b.Protocol), ' at ', h('code', {}, b.Address),
    b.Redirect && h('span', {}, ' → ', h('code', {}, b.Redirect)),
    b.Failure ? h('p', { class: 'why bad' }, b.Failure)
      : h('span', { class: 'quiet' }, ` ${total} taken, ${active} open${refused ? `, ${refused} unanswered` : ''}`));
}

function sum(values) {
  return Object.values(values ?? {}).reduce((a, b) => a + b, 0);
}

function zoneOf(view, point, zone, act) {
  const here = view.Instances.filter((i) => i.Zone === zone);
  const gone = here.filter((i) => i.State === 'terminated');
  const there = here.filter((i) => i.State !== 'terminated');
  const healthy = there.filter((i) => i.Target === 'healthy').length;
  return h('section', { key: zone, class: 'zone', 'aria-label': `Zone ${zone}` },
    h('h3', {}, zone, ' ', h('span', { class: 'quiet' }, `instances: ${there.length}, healthy: ${healthy}`)),
    hits(view, [zone, ...Object.keys(view.Subnets).filter((s) => view.Subnets[s] === zone)]),
    there.length === 0 && empty('No instance is here.'),
    h('ul', { class: 'instances' }, there.map((i) => instance(view, point, i, act))),
    gone.length > 0 && h('details', { class: 'gone' },
      h('summary', {}, `${gone.length} terminated`),
      h('ul', { class: 'plain' }, gone.map((i) => h('li', { key: i.ID }, h('code', {}, i.ID), ' ',
        h('span', { class: 'quiet' }, i.Description))))));
}

function instance(view, point, i, act) {
  const tasks = (view.Tasks ?? []).filter((t) => t.Instance === i.ID && t.State !== 'STOPPED');
  const services = i.Services ?? [];
  const running = i.State === 'running';
  const states = { 'data-id': i.ID, 'data-target': i.Target || null, 'data-state': i.State };
  return h('li', { key: i.ID, class: 'instance', ...states },
    h('div', { class: 'head' }, swatch(colourOf(i.ID)),
      h('code', { class: 'id' }, i.ID),
      running && i.Target ? badge(i.Target, 'target') : badge(i.State, 'instance')),
    h('p', { class: 'quiet' }, [i.Lifecycle, view.Members[i.ID], i.Version && `version ${i.Version}`,
      `${i.Address} at ${i.Loopback}`, `since ${clock(i.Launched)}`].filter(Boolean).join(' · ')),
    hits(view, [i.ID]),
    running && meter(i.CPU, ratesOf(point, i.ID)),
    i.Description && h('p', { class: 'why' }, i.Description),
    services.length > 0 && h('ul', { class: 'services plain' }, services.map((s) => service(i, s, act))),
    tasks.length > 0 && h('ul', { class: 'tasks plain' }, tasks.map((t) => task(view, t, act))),
    running && h('div', { class: 'buttons' }, act('Terminate', 'aws:ec2:terminate-instances', i.ID)));
}

// hits tells the faults that last at something.
function hits(view, targets) {
  return (view.Faults ?? []).filter((f) => targets.includes(f.Target)).map((f) => h('p', { key: f.ID, class: 'why' },
    `${f.Action} at ${f.Target}`));
}

// ratesOf sums an instance's targets: it is one by itself, or one for each port.
function ratesOf(point, id) {
  const rates = Object.entries(point?.Rates ?? {}).filter(([target]) => target === id || target.startsWith(`${id}:`));
  return rates.reduce((n, [, rate]) => n + rate, 0);
}

function meter(cpu, rate) {
  return h('div', { class: 'meter' },
    h('span', { class: 'bar', 'aria-hidden': 'true', style: { '--share': `${Math.min(100, cpu)}%` } }),
    h('span', {}, `CPU ${number(cpu)} %`), h('span', {}, `${number(rate)} requests/s`));
}

const kill = 'aws:ssm:send-command/AWSFIS-Run-Kill-Process';

function service(i, s, act) {
  const done = s.State === 'stopped' && (s.LastExit === 'exit status 0' || s.LastExit.startsWith('skipped'));
  return h('li', { key: s.Name },
    h('span', {}, s.Name), ' ', badge(done ? 'done' : s.State),
    s.Restarts > 0 && h('span', { class: 'quiet' }, ` restarted ${s.Restarts} times`),
    s.State === 'running' && i.State === 'running' && act('Kill', kill, i.ID, s.Name));
}

function task(view, t, act) {
  return h('li', { key: t.ID, 'data-task': t.ID },
    h('span', { class: 'quiet' }, 'task '), h('code', {}, t.ID.slice(0, 8)), ` ${t.Service}:${t.Revision} `,
    badge(t.State, 'task'), ' ', badge(t.Target, 'target'),
    h('span', { class: 'quiet' }, ` port ${t.Port}, CPU ${number(t.CPU)} %`),
    (t.Description || t.Reason) && h('p', { class: 'why' }, t.Description || t.Reason),
    t.State === 'RUNNING' && act('Stop', 'aws:ecs:stop-task', t.ID));
}
