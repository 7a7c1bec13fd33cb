// What is told in lists: capacity, alarms, activities, refreshes, notifications.

import { h } from './dom.js';
import { badge, clock, duration, empty, isSet, moment, number } from './words.js';

const shown = 50; // of a list that grows

export function capacity(view, charts) {
  const groups = (view.Groups ?? []).map((g) => h('article', { key: g.Name, 'data-group': g.Name },
    h('h3', {}, g.Name),
    h('dl', { class: 'figures' },
      figure('minimum', g.Min), figure('desired', g.Desired), figure('maximum', g.Max),
      figure('in service', inService(view, g.Name)), figure('healthy', g.Healthy)),
    (view.Policies[g.Name] ?? []).map((p) => h('p', { key: p.Name, class: 'quiet' }, policy(p))),
    charts(g.Name).element));
  const services = (view.Services ?? []).map((s) => h('article', { key: s.ARN },
    h('h3', {}, s.Name, ' ', h('span', { class: 'quiet' }, 'ECS service'), ' ', badge(s.Status)),
    h('dl', { class: 'figures' },
      figure('desired', s.Desired), figure('running', s.Running), figure('pending', s.Pending)),
    h('ul', { class: 'plain' }, (s.Deployments ?? []).map((d) => h('li', { key: d.ID },
      `${d.Status.toLowerCase()} ${d.TaskDefinition.split('/').at(-1)} `, badge(d.Rollout),
      d.Reason && h('p', { class: 'quiet' }, d.Reason))))));
  return groups.length + services.length > 0 ? [groups, services] : [empty('No group and no service.')];
}

function inService(view, group) {
  return view.Instances.filter((i) => view.Members[i.ID] === group && i.Lifecycle === 'InService').length;
}

function figure(name, value) {
  return h('div', {}, h('dt', {}, name), h('dd', {}, String(value)));
}

function policy(p) {
  const off = p.Disabled ? ' (disabled)' : '';
  if (p.Type === 'StepScaling') {
    const steps = (p.Steps ?? []).map((s) => `${s.Lower ?? '−∞'} to ${s.Upper ?? '∞'}: ${s.Adjustment}`);
    return `${p.Name}: ${p.Adjustment} by steps past the threshold: ${steps.join('; ')}${off}`;
  }
  return `${p.Name}: target tracking, CPU ${p.Target} %, warm-up ${duration(p.Warmup)}${off}`;
}

const comparisons = { GreaterThanThreshold: '>', GreaterThanOrEqualToThreshold: '≥', LessThanThreshold: '<',
  LessThanOrEqualToThreshold: '≤' };

export function alarms(view) {
  const list = (view.Alarms ?? []).map((a) => {
    const s = a.Spec;
    const history = (a.History ?? []).toReversed();
    return h('li', { key: s.Name, 'data-alarm': a.State },
      h('div', { class: 'head' }, h('span', { class: 'id' }, s.Name), badge(a.State, 'state')),
      h('p', {}, `${s.Statistic} ${s.Metric} ${comparisons[s.Comparison]} ${number(s.Threshold)}, ` +
        `${s.DatapointsToAlarm} of ${s.EvaluationPeriods} × ${duration(s.Period)}; newest ${number(a.Value)}`),
      h('p', { class: 'quiet' }, moment(a.Since), ' ', a.Reason),
      history.length > 0 && h('details', {}, h('summary', {}, `History, ${history.length}`),
        h('ol', { class: 'plain history', tabindex: '0', 'aria-label': `history of ${s.Name}` },
          history.slice(0, shown).map((t, n) => h('li', { key: `${history.length - n}` },
            moment(t.Time), ' ', t.From === t.To ? null : `${t.From} → ${t.To}: `, t.Reason)))));
  });
  return list.length > 0 ? [h('ul', { class: 'plain rows' }, list)] : [empty('No alarm.')];
}

// activities lists those of groups and the events of services, the newest first.
export function activities(view) {
  const all = [];
  for (const g of view.Groups ?? []) {
    (g.Activities ?? []).forEach((a, n) => all.push({ ...a, at: a.Start, key: `${g.Name} ${n}` }));
  }
  for (const s of view.Services ?? []) {
    for (const e of s.Events ?? []) {
      all.push({ at: e.Time, Description: e.Message, key: `${s.ARN} ${e.Time} ${e.Message}` });
    }
  }
  all.sort((a, b) => Date.parse(b.at) - Date.parse(a.at));
  if (all.length === 0) return [empty('Nothing has happened yet.')];
  return [
    h('ol', { class: 'plain rows', tabindex: '0', 'aria-label': 'activities' }, all.slice(0, shown).map(activity)),
    all.length > shown && h('p', { class: 'quiet' }, `and ${all.length - shown} earlier ones`),
  ];
}

function activity(a) {
  const end = isSet(a.End) ? ` – ${clock(a.End)}` : '';
  return h('li', { key: a.key },
    h('div', { class: 'head' }, h('span', {}, moment(a.at), end, ' ', a.Description), badge(a.Status)),
    a.Cause && h('p', { class: 'quiet' }, a.Cause),
    a.Message && h('p', { class: 'why' }, a.Message));
}

export function refreshes(view) {
  const all = (view.Groups ?? []).flatMap((g) => (g.Refreshes ?? []).map((r) => ({ ...r, group: g.Name })));
  if (all.length === 0) return [empty('None yet: a new version of a launch template starts one.')];
  return [h('ul', { class: 'plain rows' }, all.toReversed().slice(0, shown).map((r) => h('li', { key: r.ID },
    h('div', { class: 'head' }, h('span', {}, r.group), badge(r.Status)),
    h('progress', { max: 100, value: r.Percent, 'aria-label': `refresh of ${r.group}` }),
    ` ${r.Percent} %, ${r.ToUpdate} to update, `,
    moment(r.Start), isSet(r.End) ? ` – ${clock(r.End)}` : '',
    r.Reason && h('p', { class: 'quiet' }, r.Reason))))];
}

export function notifications(view) {
  const all = (view.Notifications ?? []).toReversed();
  if (all.length === 0) return [empty('None.')];
  return [h('ul', { class: 'plain rows' }, all.slice(0, shown).map((n) => h('li', { key: `${n.Time} ${n.Topic}` },
    h('details', {}, h('summary', {}, moment(n.Time), ' ', subject(n)), n.Lost && h('p', { class: 'why' }, `lost: ${n.Lost}`),
      h('p', { class: 'quiet' }, n.Topic), h('pre', { tabindex: '0', 'aria-label': 'message' }, pretty(n.Message))))))];
}

// subject adds what happened where all of a sender's subjects are the same.
function subject(n) {
  const kind = JSON.parse(n.Message)['detail-type'];
  return (kind ? `${n.Subject}: ${kind}` : n.Subject) + (n.Lost ? ' (lost)' : '');
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 1);
  } catch {
    return text;
  }
}

export function differences(view) {
  const lines = [...(view.Moved ?? []), ...(view.Skipped ?? []).map((l) => `skipped: ${l}`)];
  if (lines.length === 0) return [empty('Nothing.')];
  return [h('ul', { class: 'plain' }, lines.map((l) => h('li', { key: l }, l)))];
}
