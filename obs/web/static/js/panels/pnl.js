// Profit and loss, one currency at a time: the running total above, what each hour or day won or lost in a lane of
// its own below. A gain is a filled bar and a plus sign, a loss a hollow one and a minus sign: never red or green.

import { h, make, patch } from "../dom.js";
import { money, rich } from "../parts.js";
import { empty, section } from "../section.js";
import { axisNumber, bars, decimalsOf, labelWidth, linear, niceStep, options, place, remembered, signed, ticks, timeline, token } from "./charting.js";
import { behind, key } from "./charttable.js";
import { segments, sharedWindow } from "./windows.js";

const TOTAL_LANE = 0.68; // of the height: the running total
const BAR_LANE = 0.2;

/** The panel `pnl`. */
export function panel(ctx) {
  const frame = section(ctx, "pnl", { bones: 6 });
  const plot = place(ctx);
  const readout = make(h("span", { class: "chart-readout", "aria-hidden": "true" }));
  const memory = remembered();
  let last = null;
  let chosen = ctx.prefs.get("pnl.currency");
  const draw = (page, state) => {
    last = [page, state];
    const model = page?.pnl;
    const currencies = model?.currencies ?? [];
    if (currencies.length && !currencies.includes(chosen)) chosen = currencies[0];
    const tools = currencies.length ? [
      currencies.length > 1 && segments(ctx.words("pnl.currency"), currencies.map((name) => [name, name]), chosen, choose),
      window.control(),
    ] : "";
    frame.draw(state, { note: state.kind === "lost" ? "" : (model?.note ?? ""), tools }, () =>
      currencies.length ? h("div", { class: "chart chart-pnl" }, memory([model, chosen, window.isDays, table.isShown()], () => inside(model))) : empty(rich(ctx, model.empty)));
    if (!currencies.length) plot.clear();
  };
  const again = () => last && draw(...last);
  const window = sharedWindow(ctx, again);
  const table = behind(ctx, again);
  const choose = (currency) => {
    chosen = currency;
    ctx.prefs.set("pnl.currency", currency);
    again();
  };

  function inside(model) {
    const { isDays } = window;
    const shown = (isDays ? model.days : model.hours)?.[chosen] ?? { points: [], amount: { text: "?", currency: chosen }, text: "" };
    const unit = isDays ? "day" : "hour";
    const figure = h("p", { key: `${isDays} ${chosen}`, class: "chart-figure" }, money(ctx, shown.amount), h("span", { class: "chart-said" }, shown.text), readout);
    if (!shown.points.length) {
      plot.clear();
      return [figure, empty(ctx.words("chart.no_data_yet"))];
    }
    const line = timeline(ctx, shown.points, isDays);
    const decimals = decimalsOf(shown.amount);
    plot.show(picture(ctx, model, shown, line, isDays, (n) => patch(readout, sentence(ctx, shown.points[n], line, decimals))));
    return [
      figure, plot.el,
      h("div", { class: "chart-below" },
        key([["fill-1", ctx.words(`pnl.${unit}_won`)], ["hollow-1", ctx.words(`pnl.${unit}_lost`)], ["line-1", ctx.words("pnl.total")]]),
        table.button()),
      table.table(`${ctx.words("pnl.heading")}, ${chosen}`,
        [ctx.words(`chart.${unit}`), ctx.words("pnl.result"), ctx.words("pnl.total"), ctx.words("pnl.trades")],
        shown.points.map((point) => [line.name(point.at), signed(point.value, decimals), signed(point.total, decimals), point.trades ?? 0])),
    ];
  }
  return { el: frame.el, draw };
}

function picture(ctx, model, shown, line, isDays, onCursor) {
  const totals = shown.points.map((point) => point.total);
  const values = shown.points.map((point) => point.value);
  const lanes = measure(totals, values);
  return {
    shape: [shown.amount.currency, isDays, shown.points.length, line.from, ...lanes.splits, lanes.total.max, lanes.bar.min, lanes.bar.max].join(" "),
    label: `${ctx.words("pnl.heading")}: ${ctx.format.amount(shown.amount)}. ${shown.text}`,
    flags: model.flags ?? [],
    data: [line.middles, totals, values.map((value) => (value > 0 ? value : null)), values.map((value) => (value < 0 ? value : null))],
    onCursor,
    options: (size) => optionsOf({ ...size, line, lanes, isDays }),
  };
}

/** Where both lanes lie: each scale is stretched so that its data only fills its own share of the height. */
function measure(totals, values) {
  const known = totals.filter((value) => value !== null);
  const reach = Math.max(0, ...known) - Math.min(0, ...known) || 1;
  const step = niceStep(reach, 3.5);
  const low = Math.min(0, ...known) - (known.some((value) => value < 0) ? reach * 0.04 : 0);
  const high = Math.max(Math.max(0, ...known) + reach * 0.04, low + step);
  const total = { min: high - (high - low) / TOTAL_LANE, max: high };
  const parts = values.filter((value) => value !== null);
  const least = Math.min(0, ...parts);
  const span = Math.max(0, ...parts) - least || 1;
  const bar = { min: least - span * 0.08, max: least + span / BAR_LANE };
  // The zero line of the bars, in the units of the total, so that one column of labels serves both.
  const zero = total.min + ((0 - bar.min) / (bar.max - bar.min)) * (total.max - total.min);
  const lines = ticks(low, high, step);
  return { total, bar, splits: [zero, ...lines], labels: ["0", ...lines.map((value) => axisNumber(value, step, true))] };
}

function optionsOf({ width, height, onCursor, onDraw, line, lanes, isDays }) {
  const column = { scale: "bar", paths: bars({ size: [0.62, isDays ? 10 : 12, 2], gap: 1 }), points: { show: false }, stroke: () => token("data1"), fillTo: () => 0 };
  return options({
    width, height, line, onCursor, onDraw,
    left: labelWidth(lanes.labels),
    syncKey: isDays ? "days" : "hours",
    axis: { scale: "total", splits: lanes.splits, labels: lanes.labels },
    scales: {
      total: { range: () => [lanes.total.min, lanes.total.max] },
      bar: { range: () => [lanes.bar.min, lanes.bar.max] },
    },
    series: [
      {
        scale: "total", width: 1.75, paths: linear(), points: { show: false }, spanGaps: false,
        stroke: () => token("data1"), fill: () => `${token("data1")}1c`, fillTo: () => 0,
      },
      { ...column, width: 0, fill: () => token("data1") },
      { ...column, width: 1.25, fill: () => "transparent" },
    ],
    hooks: { draw: [lastPoint] },
  });
}

function lastPoint(plot) {
  const totals = plot.data[1];
  let n = totals.length - 1;
  while (n >= 0 && totals[n] === null) n -= 1;
  if (n < 0) return;
  const { ctx } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.arc(plot.valToPos(plot.data[0][n], "x", true), plot.valToPos(totals[n], "total", true), 3.5 * devicePixelRatio, 0, 2 * Math.PI);
  ctx.fillStyle = token("data1");
  ctx.strokeStyle = token("bg");
  ctx.lineWidth = 2 * devicePixelRatio;
  ctx.stroke();
  ctx.fill();
  ctx.restore();
}

function sentence(ctx, point, line, decimals) {
  if (!point) return "";
  const at = line.name(point.at);
  if (point.value === null) return `${at} \u00b7 ${ctx.words("chart.no_data")}`;
  return [
    `${at}\u2002${signed(point.value, decimals)}`, `${ctx.words("pnl.total")} ${signed(point.total, decimals)}`,
    ctx.words("pnl.n_trades", { count: point.trades ?? 0 }),
  ].join(" \u00b7 ");
}
