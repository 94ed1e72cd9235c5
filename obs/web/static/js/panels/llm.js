// What the models cost: bars stacked by agent, a day's budget dashed, and what comes of it at this rate in words.

import { h, make, patch } from "../dom.js";
import { money, rich } from "../parts.js";
import { empty, section } from "../section.js";
import { axisNumber, bars, decimalsOf, labelWidth, niceStep, options, place, remembered, signed, ticks, timeline, token } from "./charting.js";
import { behind, key } from "./charttable.js";
import { sharedWindow } from "./windows.js";

const COLOURS = ["data1", "data2", "data3", "text3"];

/** The panel `llm`. */
export function panel(ctx) {
  const frame = section(ctx, "llm", { bones: 6 });
  const plot = place(ctx);
  const readout = make(h("span", { class: "chart-readout", "aria-hidden": "true" }));
  const values = COLOURS.map(() => make(h("span", { class: "key-value", "aria-hidden": "true" }))); // of the agents, under the cursor
  const memory = remembered();
  let last = null;
  const draw = (page, state) => {
    last = [page, state];
    const model = page?.llm;
    const has = Boolean(model?.hours?.length || model?.days?.length);
    frame.draw(state, { note: has ? model.currency : "", tools: has ? window.control() : "" }, () =>
      has ? h("div", { class: "chart chart-llm" }, memory([model, window.isDays, table.isShown()], () => inside(model))) : empty(rich(ctx, model.empty)));
    if (!has) plot.clear();
  };
  const again = () => last && draw(...last);
  const window = sharedWindow(ctx, again);
  const table = behind(ctx, again);

  function inside(model) {
    const { isDays } = window;
    const names = model.agents ?? [];
    const points = (isDays ? model.days : model.hours) ?? [];
    const total = (isDays ? model.amount_days : model.amount_hours) ?? { text: "?", currency: model.currency };
    const text = (isDays ? model.text_days : model.text_hours) ?? "";
    const figure = h("p", { key: `${isDays}`, class: "chart-figure" }, money(ctx, total), h("span", { class: "chart-said" }, text), readout);
    if (!points.length) {
      plot.clear();
      return [figure, empty(ctx.words("chart.no_data_yet"))];
    }
    const line = timeline(ctx, points, isDays);
    const decimals = decimalsOf(total);
    const drawn = picture(model, points, line, isDays, (n) => tell(points[n], names, line, decimals));
    drawn.label = `${ctx.words("llm.heading")}: ${ctx.format.amount(total)} ${text}`;
    plot.show(drawn);
    const entries = names.map((name, n) => [`fill-${Math.min(n + 1, COLOURS.length)}`, name, values[n]]);
    if (isDays && model.budget) entries.push(["line-budget", ctx.words("llm.budget")]);
    return [
      figure, plot.el,
      h("div", { class: "chart-below" }, key(entries), model.note && h("span", { class: "chart-note" }, model.note), table.button()),
      table.table(`${ctx.words("llm.heading")}, ${model.currency}`, [ctx.words(`chart.${isDays ? "day" : "hour"}`), ...names, ctx.words("llm.sum")],
        points.map((point) => [line.name(point.at), ...costs(point, names, decimals)])),
    ];
  }
  /** The part under the cursor: its sum above, each agent's share beside its name. */
  function tell(point, names, line, decimals) {
    const shares = point ? costs(point, names, decimals) : [];
    patch(readout, point ? `${line.name(point.at)}\u2002${shares.at(-1)}` : "");
    values.forEach((value, n) => patch(value, point && n < names.length ? shares[n] : ""));
  }
  return { el: frame.el, draw };
}

function picture(model, points, line, isDays, onCursor) {
  const names = model.agents ?? [];
  const sums = points.map((point) => (point.by_agent ?? []).reduce((sum, value) => sum + value, 0));
  const budget = isDays ? (model.budget ?? 0) : 0;
  const most = Math.max(...sums, budget);
  const step = niceStep(most || 1, 3.5);
  const high = Math.max(step, most * 1.04);
  const lines = ticks(0, high, step);
  const labels = lines.map((value) => axisNumber(value, step, false));
  return {
    shape: [isDays, points.length, line.from, high, budget, ...names].join(" "),
    flags: model.flags ?? [],
    // The tallest first: each later bar covers the lower part of the one before.
    data: [line.middles, ...stacked(points, names.length).reverse()],
    onCursor,
    options: (size) => options({
      ...size, line,
      left: labelWidth(labels),
      syncKey: isDays ? "days" : "hours",
      axis: { scale: "cost", splits: lines, labels },
      scales: { cost: { range: () => [0, high] } },
      series: names.map((_, n) => layer(COLOURS[Math.min(names.length - 1 - n, COLOURS.length - 1)], isDays)),
      hooks: { draw: [(plot) => budgetLine(plot, budget)] },
    }),
  };
}

function layer(colour, isDays) {
  return {
    scale: "cost", width: 1, paths: bars({ size: [0.66, isDays ? 11 : 14, 2], gap: 0 }), points: { show: false },
    // The edge has the colour of the page: it parts one agent from the next.
    stroke: () => token("bg"), fill: () => token(colour), fillTo: () => 0,
  };
}

function stacked(points, count) {
  return Array.from({ length: count }, (_, agent) => points.map((point) => {
    // Without a cost of its own there is nothing to draw, not a line on top of the others.
    if (!point.by_agent?.[agent]) return null;
    return point.by_agent.slice(0, agent + 1).reduce((sum, value) => sum + value, 0);
  }));
}

function budgetLine(plot, budget) {
  if (!budget) return;
  const { ctx, bbox } = plot;
  const y = Math.round(plot.valToPos(budget, "cost", true));
  ctx.save();
  ctx.beginPath();
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.lineWidth = devicePixelRatio;
  ctx.strokeStyle = token("text2");
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

function costs(point, names, decimals) {
  if (!point.by_agent?.length) return [...names, ""].map(() => signed(null, decimals));
  const each = names.map((_, n) => point.by_agent?.[n] ?? 0);
  return [...each, each.reduce((sum, value) => sum + value, 0)].map((value) => signed(value, decimals, false));
}
