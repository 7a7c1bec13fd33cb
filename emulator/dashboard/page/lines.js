// The lines of the charts, made of the view and of the history of points.

import { Chart, claim, colourOf } from './charts.js';

const requests = new Chart('Requests a second by target');
const cpu = new Chart('CPU of instances', { unit: ' %', least: 100 });
const tasks = new Chart('CPU of tasks, of what they reserve', { unit: ' %', least: 100 });
const groups = new Map(); // charts of capacity by group

// capacityChart returns the chart of a group, and makes it on the first call.
export function capacityChart(name) {
  if (!groups.has(name)) groups.set(name, new Chart(`Capacity of ${name}`, { least: 2, height: 130, whole: true }));
  return groups.get(name);
}

// chartElements returns the elements of the charts.
export function chartElements(view) {
  return { requests: requests.element, cpu: [cpu.element, view.services.length > 0 && tasks.element] };
}

// colour gives the instances their colours: first to those that exist, then to the newest of those that are terminated.
export function colour(view) {
  const existing = view.instances.filter((i) => i.state !== 'terminated').map((i) => i.id);
  const gone = view.instances.filter((i) => i.state === 'terminated').map((i) => i.id);
  claim([...gone, ...existing]);
}

export function drawCharts(view, points) {
  const times = points.map((p) => p.time);
  requests.update(times, requestLines(points));
  cpu.update(times, cpuLines(view, points));
  if (view.services.length > 0) tasks.update(times, taskLines(view, points));
  for (const g of view.groups) capacityChart(g.name).update(times, capacityLines(points, g.name));
  const names = view.groups.map((g) => g.name);
  for (const name of [...groups.keys()].filter((n) => !names.includes(n))) {
    groups.get(name).forget();
    groups.delete(name);
  }
}

// split separates the targets that have a colour from the rest, which is drawn as one line.
function split(points, field) {
  const all = [...new Set(points.flatMap((p) => Object.keys(p[field])))].filter((id) => id !== '');
  const named = all.filter((id) => colourOf(instanceOf(id)));
  return { named, rest: all.filter((id) => !named.includes(id)) };
}

function instanceOf(target) {
  return target.split(':')[0];
}

const dashes = [undefined, [8, 3], [3, 3]]; // of an instance's targets, which share its colour

function requestLines(points) {
  const { named, rest } = split(points, 'rates');
  const lines = named.map((id) => line(id, colourOf(instanceOf(id)), points.map((p) => p.rates[id] ?? null),
    { dash: dashes[named.filter((other) => instanceOf(other) === instanceOf(id)).indexOf(id) % dashes.length] }));
  if (rest.some((id) => points.some((p) => p.rates[id] > 0))) {
    lines.push(line('all others', '--quiet', points.map((p) => total(rest.map((id) => p.rates[id])))));
  }
  if (points.some((p) => p.rates[''] > 0)) {
    lines.push(line('no target', '--quiet', points.map((p) => p.rates[''] ?? null), { dash: [2, 3] }));
  }
  if (points.some((p) => p.refused > 0)) {
    lines.push(line('unanswered', '--bad', points.map((p) => p.refused), { dash: [5, 3] }));
  }
  return lines;
}

function total(values) {
  return values.reduce((a, b) => a + (b ?? 0), 0);
}

function mean(values) {
  const known = values.filter((v) => v !== undefined);
  return known.length > 0 ? total(known) / known.length : null;
}

const stepped = { stepped: true };

function cpuLines(view, points) {
  const lines = [];
  const { named } = split(points, 'cpu');
  for (const id of named) lines.push(line(id, colourOf(id), points.map((p) => p.cpu[id] ?? null), stepped));
  const scaled = (g) => (view.policies[g.name] ?? []).length;
  view.groups.toSorted((a, b) => scaled(b) - scaled(a)).forEach((g, n) => {
    const members = Object.keys(view.members).filter((id) => view.members[id] === g.name);
    const values = points.map((p) => mean(members.map((id) => p.cpu[id])));
    lines.push(line(`mean of ${g.name}`, n === 0 ? '--ink' : '--quiet', values, { width: 2.5, stepped: true }));
  });
  return [...lines, ...thresholds(view, points, (a) => a.namespace !== 'AWS/ECS')];
}

function taskLines(view, points) {
  const lines = view.services.map((s, n) => {
    const own = view.tasks.filter((t) => t.service === s.name).map((t) => t.id);
    return line(`mean of ${s.name}`, `--series-${n % 7}`, points.map((p) => mean(own.map((id) => p.tasks[id]))),
      { width: 2.5, stepped: true });
  });
  return [...lines, ...thresholds(view, points, (a) => a.namespace === 'AWS/ECS')];
}

// thresholds returns the lines of the alarms on CPU. The upper alarm of a target tracking policy is at the policy's target.
function thresholds(view, points, wanted) {
  const alarms = view.alarms.filter((a) => a.metric === 'CPUUtilization' && wanted(a));
  const lines = new Map();
  for (const a of alarms) {
    const upper = a.comparison.startsWith('Greater');
    const name = a.policy && upper ? 'target' : upper ? 'upper threshold' : 'lower threshold';
    lines.set(`${name} ${a.threshold}`, line(name, upper ? '--bad' : '--leave', points.map(() => a.threshold),
      { dash: [6, 4] }));
  }
  return [...lines.values()];
}

function capacityLines(points, group) {
  const of = (field) => points.map((p) => p.groups[group]?.[field] ?? null);
  return [
    line('maximum', '--quiet', of('max'), { dash: [2, 3], stepped: true }),
    line('minimum', '--quiet', of('min'), { dash: [6, 4], stepped: true }),
    line('in service', '--series-1', of('inService'), { width: 5, stepped: true }),
    line('desired', '--ink', of('desired'), { width: 1.5, stepped: true }),
  ];
}

function line(name, colour, values, more = {}) {
  return { name, colour, values, ...more };
}
