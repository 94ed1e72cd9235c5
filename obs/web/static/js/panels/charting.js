// What the two charts share: uPlot set up for this page (colours from tokens, one column of labels, cursors that
// move together), flags on the time axis that link to their issue, and the table behind the picture.
//
// uPlot sets its styles through CSSOM, which the strict content policy allows; nothing here writes markup.

import uPlot from "../../vendor/uPlot/uPlot.esm.min.js";

import { h, make } from "../dom.js";

export const { bars, linear } = uPlot.paths;

const HOUR = 3_600_000;
const TOP = 26; // px above the plot: the lane of the flags
const MINUS = "\u2212";

/** The value of a colour token, as the theme has it now. */
export function token(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** The font beside an axis: as large as the reader has text. */
function labelFont() {
  return `${0.75 * Number.parseFloat(getComputedStyle(document.documentElement).fontSize)}px ${getComputedStyle(document.body).fontFamily}`;
}

/** A step that reads well (1, 2, 2.5 or 5 times a power of ten), for about `count` lines over `span`. */
export function niceStep(span, count) {
  const raw = span / Math.max(1, count);
  if (!(raw > 0) || !Number.isFinite(raw)) return 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  return ([1, 2, 2.5, 5, 10].find((step) => step * power >= raw) ?? 10) * power;
}

/** The lines between `low` and `high`. */
export function ticks(low, high, step) {
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n <= Math.floor(high / step + 1e-9); n += 1) found.push(n * step);
  return found;
}

/** A number beside the axis: as many decimals as its step has, U+2212 below zero, `+` above when it is signed. */
export function axisNumber(value, step, isSigned) {
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const exact = Math.round(step * 10 ** decimals * 1e6) / 1e6;
  const digits = Number.isInteger(exact) ? decimals : decimals + 1;
  return signed(value, Math.min(6, digits), isSigned);
}

const written = new Map(); // how numbers with so many decimals are written; making one takes long

function writer(decimals) {
  if (!written.has(decimals)) written.set(decimals, new Intl.NumberFormat("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }));
  return written.get(decimals);
}

/** A number with grouped digits and a true minus sign. */
export function signed(value, decimals, isSigned = true) {
  if (value === null || value === undefined) return "\u2014";
  const text = writer(decimals).format(Math.abs(value));
  if (!/[1-9]/.test(text)) return text;
  return (value < 0 ? MINUS : isSigned ? "+" : "") + text;
}

/** How many decimals an amount is shown with, read from its text. */
export function decimalsOf(amount) {
  const match = /\.(\d+)/.exec(amount?.text ?? "");
  return match ? match[1].length : /\d/.test(amount?.text ?? "") ? 0 : 2;
}

/** The parts of a window on the time axis: their middles, the ends, and where the labels stand. */
export function timeline(ctx, points, isDays) {
  const step = isDays ? 24 * HOUR : points.length > 1 ? points[1].at - points[0].at : HOUR;
  const middles = points.map((point) => point.at + step / 2);
  const from = points[0].at;
  const to = points[points.length - 1].at + step;
  const last = middles[middles.length - 1];
  const name = (at) => (isDays ? ctx.format.date(at) : ctx.format.clock(at, { seconds: false }));
  const splits = [];
  for (let n = 0; n < points.length - 1; n += 1) {
    const isLabelled = isDays ? (points.length - 1 - n) % 10 === 0 : /^(00|06|12|18)/.test(name(points[n].at));
    if (isLabelled && last - middles[n] > (to - from) / 8) splits.push(middles[n]);
  }
  // A window of a few parts may have no round hour in it: then its first part is named.
  if (!splits.length && points.length > 2) splits.push(middles[0]);
  splits.push(last);
  const label = (at) => (at === last ? ctx.words(isDays ? "chart.today" : "chart.now") : name(at - step / 2));
  return { middles, from, to, step, splits, label, name };
}

/** The options every chart has; `left` is the width of the labels beside it. */
export function options({ width, height, line, scales, axis, series, left, syncKey, onCursor, onDraw, hooks = {} }) {
  const text = () => token("text3");
  const font = labelFont();
  const grid = { stroke: () => token("line"), width: 1 };
  return {
    width,
    height,
    // The last label stands in the middle of its bar, half of it to the right.
    padding: [TOP, Math.max(8, labelWidth([line.label(line.middles.at(-1))]) / 2 - 8), 0, 0],
    legend: { show: false },
    focus: { alpha: 1 },
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: false, y: false },
      sync: { key: syncKey, scales: ["x", null], setSeries: false },
    },
    scales: { x: { time: false, range: () => [line.from, line.to] }, ...scales },
    series: [{}, ...series],
    axes: [
      {
        scale: "x", side: 2, size: 26, gap: 6, font, stroke: text, grid: { show: false }, ticks: { show: false },
        splits: () => line.splits, values: (_, splits) => splits.map(line.label),
      },
      {
        scale: axis.scale, side: 3, size: left, gap: 8, font, stroke: text, grid, ticks: { show: false },
        splits: () => axis.splits, values: () => axis.labels,
      },
    ],
    hooks: {
      // The flags last: where a moment lies is known only once the plot is drawn.
      draw: [...(hooks.draw ?? []), onDraw],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
    },
  };
}

/** How wide the labels beside a plot are, in px. */
export function labelWidth(labels) {
  const context = document.createElement("canvas").getContext("2d");
  context.font = labelFont();
  return Math.ceil(Math.max(12, ...labels.map((label) => context.measureText(label).width))) + 12;
}

/** What was drawn of the same things, as it was: at four paints a second a chart changes seldom. */
export function remembered() {
  let known = [];
  let drawn = null;
  return (things, draw) => {
    if (!drawn || things.some((thing, n) => thing !== known[n])) [known, drawn] = [things, draw()];
    return drawn;
  };
}

/** A place for one chart: it makes the plot again when its shape changes, and only feeds it otherwise. */
export function place(ctx) {
  const host = make(h("div", { class: "chart-plot", role: "group" }));
  let plot = null;
  let current = null;
  const width = () => Math.max(120, Math.floor(host.clientWidth));

  const build = () => {
    if (!current || !host.clientWidth) return;
    plot?.destroy();
    const size = { width: width(), height: host.clientHeight || 220 };
    const onDraw = (drawn) => current && drawFlags(drawn, current.flags, ctx.issueHref);
    plot = new uPlot(current.options({ ...size, onDraw, onCursor: (n) => current?.onCursor(n) }), current.data, host);
    // The table says it all: the canvas would only be an unnamed picture to a screen reader.
    plot.root.querySelector("canvas")?.setAttribute("aria-hidden", "true");
  };
  const show = (next) => {
    const isSame = plot && current && current.shape === next.shape;
    current = next;
    host.setAttribute("aria-label", next.label);
    if (!isSame) return build();
    plot.setData(next.data);
    // The same data is not drawn anew, but its flags may be others.
    drawFlags(plot, next.flags, ctx.issueHref);
  };
  const clear = () => {
    plot?.destroy();
    plot = current = null;
  };
  let frame = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      if (current && (!plot || plot.width !== width() || plot.height !== host.clientHeight)) build();
    });
  }).observe(host);
  const repaint = () => plot?.redraw();
  // The theme is a matter of attributes on the root and of the system: both change the tokens.
  new MutationObserver(repaint).observe(document.documentElement, { attributes: true });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  return { el: host, show, clear };
}

function drawFlags(plot, flags, hrefOf) {
  plot.root.querySelectorAll(".flag").forEach((old) => old.remove());
  const { min, max } = plot.scales.x;
  const wrap = plot.root.querySelector(".u-wrap");
  const left = plot.over.offsetLeft || plot.bbox.left / devicePixelRatio;
  const height = plot.bbox.height / devicePixelRatio;
  // The newest first: where two would lie over one another, the newer keeps its words.
  const within = flags.filter((flag) => flag.at >= min && flag.at <= max).sort((a, b) => b.at - a.at);
  let free = Infinity;
  for (const flag of within.slice(0, 12)) {
    const x = Math.round(left + plot.valToPos(flag.at, "x"));
    const el = flagOf(flag, hrefOf);
    wrap.append(el);
    el.style.setProperty("--line-height", `${height + 8}px`);
    const words = el.firstChild.offsetWidth;
    if (x > free - 14 || words + 10 > x) el.classList.add("is-bare");
    else free = x - words;
    el.style.right = `${plot.width - x - 5}px`;
  }
}

function flagOf(flag, hrefOf) {
  const inside = [h("span", { class: "flag-text" }, flag.text), h("span", { class: "flag-head", "aria-hidden": "true" })];
  if (!flag.issue) return make(h("span", { class: "flag", title: flag.text }, inside));
  return make(h("a", { class: "flag", title: flag.text, href: hrefOf(flag.issue) }, inside));
}
