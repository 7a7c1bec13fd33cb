// Time charts with a legend that shows the values at the pointer, or the newest values.

import uPlot from './uplot/uPlot.esm.js';
import { h, patch } from './dom.js';
import { number, seconds } from './words.js';

const slots = 7;
const owners = new Array(slots).fill(null); // of colours

// claim gives each of the newest IDs a colour, which the ID keeps while it is among the newest. The other IDs get no colour.
export function claim(ids) {
  const named = ids.slice(-slots);
  for (let slot = 0; slot < slots; slot++) {
    if (owners[slot] && !named.includes(owners[slot])) owners[slot] = null;
  }
  for (const id of named) {
    if (!owners.includes(id)) owners[owners.indexOf(null)] = id;
  }
}

export function colourOf(id) {
  const slot = owners.indexOf(id);
  return slot < 0 ? null : `--series-${slot}`;
}

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const charts = new Set();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const chart of charts) chart.plot?.redraw(false);
});

// Chart shows lines: {name, colour (a CSS variable), values, dash, width, stepped}.
export class Chart {
  constructor(label, { unit = '', least = 1, height = 180, whole = false } = {}) {
    this.label = label;
    this.height = height;
    this.whole = whole; // numbers on the vertical axis
    this.unit = unit;
    this.least = least; // of the vertical axis' upper end
    this.canvas = element('div', 'plot');
    this.canvas.setAttribute('role', 'img');
    this.legend = element('ul', 'legend');
    this.element = element('div', 'chart');
    this.element.append(this.canvas, this.legend);
    this.lines = [];
    this.times = [];
    this.signature = '';
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(this.canvas);
    charts.add(this);
  }

  // forget removes a chart that is not shown any more.
  forget() {
    this.plot?.destroy();
    charts.delete(this);
  }

  size() {
    return { width: Math.max(200, this.canvas.clientWidth), height: this.height };
  }

  update(times, lines) {
    this.times = times;
    this.lines = lines;
    const signature = JSON.stringify(lines.map((l) => [l.name, l.colour, l.dash, l.width, l.stepped]));
    const data = [times, ...lines.map((l) => l.values)];
    if (signature !== this.signature || !this.plot) {
      this.signature = signature;
      this.plot?.destroy();
      this.canvas.replaceChildren();
      this.plot = new uPlot(this.options(), data, this.canvas);
    } else {
      this.plot.setData(data);
    }
    this.showLegend();
  }

  options() {
    const axis = {
      stroke: () => css('--quiet'), grid: { stroke: () => css('--grid'), width: 1 }, ticks: { show: false },
      font: '11px system-ui, sans-serif',
    };
    const whole = this.whole ? { incrs: [1, 2, 5, 10, 20, 50, 100] } : {};
    return {
      ...this.size(),
      legend: { show: false },
      padding: [8, 12, 0, 0],
      cursor: { y: false, drag: { setScale: false, x: false, y: false }, points: { size: 6 } },
      scales: { y: { range: (_, __, highest) => [0, Math.max(this.least, (highest ?? 0) * 1.1)] } },
      axes: [
        { ...axis, size: 26, space: 70, values: (_, at) => at.map(seconds) },
        { ...axis, ...whole, size: 40, space: 30, values: (_, at) => at.map(number) },
      ],
      series: [{}, ...this.lines.map((l) => ({
        label: l.name, stroke: () => css(l.colour), width: l.width ?? 1.5, dash: l.dash, points: { show: false },
        paths: l.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined, spanGaps: false,
      }))],
      hooks: { setCursor: [() => this.showLegend()] },
    };
  }

  showLegend() {
    const at = this.plot?.cursor.idx ?? this.times.length - 1;
    const items = this.lines.map((l) => h('li', { key: l.name }, swatch(l.colour, l.dash),
      h('span', { class: 'name' }, l.name), ' ',
      h('span', { class: 'value' }, `${number(l.values[at])}${this.unit}`)));
    patch(this.legend, items);
    const newest = this.lines.map((l) => `${l.name} ${number(l.values.at(-1))}${this.unit}`);
    this.canvas.setAttribute('aria-label', `${this.label}, newest values: ${newest.join(', ')}`);
  }
}

// swatch shows the colour of a line in the charts.
export function swatch(colour, dash) {
  return h('span', {
    class: dash ? 'swatch dashed' : 'swatch', 'aria-hidden': 'true',
    style: { '--line': colour ? `var(${colour})` : 'transparent' },
  });
}

function element(tag, name) {
  const made = document.createElement(tag);
  made.className = name;
  return made;
}
