// The panels with lists: capacity, alarms, activities, refreshes, notifications, differences from AWS.

import { h } from './dom.js';
import { badge, clock, duration, empty, isSet, moment, number } from './words.js';

const shown = 50; // entries of a list that grows

export function capacity(view, charts) {
  const groups = view.groups.map((g) => h('article', { key: g.name, 'data-group': g.name },
    h('h3', {}, g.name),
    h('dl', { class: 'figures' },
      figure('minimum', g.min), figure('desired', g.desired), figure('maximum', g.max),
      figure('in service', inService(view, g.name)), figure('healthy', g.healthy)),
    (view.policies[g.name] ?? []).map((p) => h('p', { key: p.name, class: 'quiet' }, policy(p))),
    charts(g.name).element));
  const services = view.services.map((s) => h('article', { key: s.arn },
    h('h3', {}, s.name, ' ', h('span', { class: 'quiet' }, 'ECS service'), ' ', badge(s.status)),
    h('dl', { class: 'figures' },
      figure('desired', s.desired), figure('running', s.running), figure('pending', s.pending)),
    h('ul', { class: 'plain' }, s.deployments.map((d) => h('li', { key: d.id },
      `${d.status.toLowerCase()} ${d.taskDefinition.split('/').at(-1)} `, badge(d.rollout),
      d.reason && h('p', { class: 'quiet' }, d.reason))))));
  return groups.length + services.length > 0 ? [groups, services] : [empty('No group and no service.')];
}

function inService(view, group) {
  return view.instances.filter((i) => view.members[i.id] === group && i.lifecycle === 'InService').length;
}

function figure(name, value) {
  return h('div', {}, h('dt', {}, name), h('dd', {}, String(value)));
}

function policy(p) {
  const off = p.disabled ? ' (disabled)' : '';
  if (p.type === 'StepScaling') {
    const steps = p.steps.map((s) => `${s.lower ?? '−∞'} to ${s.upper ?? '∞'}: ${s.adjustment}`);
    return `${p.name}: ${p.adjustment} by steps past the threshold: ${steps.join('; ')}${off}`;
  }
  return `${p.name}: target tracking, CPU ${p.target} %, warm-up ${duration(p.warmup)}${off}`;
}

const comparisons = { GreaterThanThreshold: '>', GreaterThanOrEqualToThreshold: '≥', LessThanThreshold: '<',
  LessThanOrEqualToThreshold: '≤' };

export function alarms(view) {
  const list = view.alarms.map((a) => {
    const history = a.history.toReversed();
    return h('li', { key: a.name, 'data-alarm': a.state },
      h('div', { class: 'head' }, h('span', { class: 'id' }, a.name), badge(a.state, 'state')),
      h('p', {}, `${a.statistic} ${a.metric} ${comparisons[a.comparison]} ${number(a.threshold)}, ` +
        `${a.datapointsToAlarm} of ${a.evaluationPeriods} × ${duration(a.period)}; newest ${number(a.value)}`),
      h('p', { class: 'quiet' }, moment(a.since), ' ', a.reason),
      history.length > 0 && h('details', {}, h('summary', {}, `History, ${history.length}`),
        h('ol', { class: 'plain history', tabindex: '0', 'aria-label': `history of ${a.name}` },
          history.slice(0, shown).map((t, n) => h('li', { key: `${history.length - n}` },
            moment(t.time), ' ', t.from === t.to ? null : `${t.from} → ${t.to}: `, t.reason)))));
  });
  return list.length > 0 ? [h('ul', { class: 'plain rows' }, list)] : [empty('No alarm.')];
}

// activities lists the activities of groups and the events of services, the newest first.
export function activities(view) {
  const all = [];
  for (const g of view.groups) {
    g.activities.forEach((a, n) => all.push({ ...a, at: a.start, key: `${g.name} ${n}` }));
  }
  for (const s of view.services) {
    for (const e of s.events ?? []) {
      all.push({ at: e.time, description: e.message, key: `${s.arn} ${e.time} ${e.message}` });
    }
  }
  all.sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  if (all.length === 0) return [empty('Nothing has happened yet.')];
  return [
    h('ol', { class: 'plain rows', tabindex: '0', 'aria-label': 'activities' }, all.slice(0, shown).map(activity)),
    all.length > shown && h('p', { class: 'quiet' }, `and ${all.length - shown} earlier activities`),
  ];
}

function activity(a) {
  const end = isSet(a.end) ? ` – ${clock(a.end)}` : '';
  return h('li', { key: a.key },
    h('div', { class: 'head' }, h('span', {}, moment(a.at), end, ' ', a.description), badge(a.status)),
    a.cause && h('p', { class: 'quiet' }, a.cause),
    a.message && h('p', { class: 'why' }, a.message));
}

export function refreshes(view) {
  const all = view.groups.flatMap((g) => g.refreshes.map((r) => ({ ...r, group: g.name })));
  if (all.length === 0) return [empty('None yet: a new version of a launch template starts one.')];
  return [h('ul', { class: 'plain rows' }, all.toReversed().slice(0, shown).map((r) => h('li', { key: r.id },
    h('div', { class: 'head' }, h('span', {}, r.group), badge(r.status)),
    h('progress', { max: 100, value: r.percent, 'aria-label': `refresh of ${r.group}` }),
    ` ${r.percent} %, ${r.toUpdate} to update, `,
    moment(r.start), isSet(r.end) ? ` – ${clock(r.end)}` : '',
    r.reason && h('p', { class: 'quiet' }, r.reason))))];
}

export function notifications(view) {
  const all = view.notifications.toReversed();
  if (all.length === 0) return [empty('None.')];
  return [h('ul', { class: 'plain rows' }, all.slice(0, shown).map((n) => h('li', { key: `${n.time} ${n.topic}` },
    h('details', {}, h('summary', {}, moment(n.time), ' ', subject(n)), n.lost && h('p', { class: 'why' }, `lost: ${n.lost}`),
      h('p', { class: 'quiet' }, n.topic), h('pre', { tabindex: '0', 'aria-label': 'message' }, pretty(n.message))))))];
}

// subject adds the kind of an event where all subjects of a sender are the same.
function subject(n) {
  const kind = JSON.parse(n.message)['detail-type'];
  return (kind ? `${n.subject}: ${kind}` : n.subject) + (n.lost ? ' (lost)' : '');
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}

export function differences(view) {
  const lines = [...view.moved, ...view.skipped.map((l) => `skipped: ${l}`)];
  if (lines.length === 0) return [empty('Nothing.')];
  return [h('ul', { class: 'plain' }, lines.map((l) => h('li', { key: l }, l)))];
}
