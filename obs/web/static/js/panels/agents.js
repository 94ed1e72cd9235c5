// The agents by what they earn on what they cost. Every figure is worded by the server: none is a dash, unknown a
// question mark; without a cost or a price there is no rank. A gain is never green, a loss never red.

import { h, svg } from "../dom.js";
import { badge, rich } from "../parts.js";
import { empty, section } from "../section.js";

/** The panel `agents`. */
export function panel(ctx) {
  const frame = section(ctx, "agents", { bones: 5 });
  const draw = (page, state) => {
    const agents = page?.agents;
    const has = Boolean(agents?.rows?.length);
    frame.draw(state, { note: has ? ctx.format.keep(agents.text ?? "") : "" }, () => (has ? table(ctx, agents) : empty(rich(ctx, agents.empty))));
  };
  return { el: frame.el, draw };
}

function table(ctx, agents) {
  const heads = [
    ["rank", "\u00a0"], ["name", ctx.words("agents.agent")], ["model", ctx.words("agents.model")], ["trades", ctx.words("agents.trades")],
    ["won", ctx.words("agents.won")], ["pnl", withUnit(ctx.words("agents.pnl"), agents.currency)],
    ["cost", withUnit(ctx.words("agents.cost"), agents.cost_currency)], ["roi", ctx.words("agents.roi")],
    ["per-trade", ctx.words("agents.per_trade")], ["spark", ctx.words("agents.days")],
  ];
  return h("table", { class: "agents-table", role: "table", "aria-label": ctx.words("agents.heading") },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map(([name, words]) =>
      h("th", { key: name, scope: "col", role: "columnheader", class: `agent-${name}` }, name === "rank" ? h("span", { class: "only-spoken" }, ctx.words("agents.rank")) : words)))),
    h("tbody", { role: "rowgroup" }, agents.rows.map((row) => agent(ctx, agents, row))));
}

function withUnit(words, currency) {
  return currency ? `${words}, ${currency}` : words;
}

function agent(ctx, agents, row) {
  const cell = (name, ...inside) => h("td", { role: "cell", class: `agent-${name}` }, inside);
  // The currency stands in the heading; the phone has no headings, so it is beside the figure there.
  const unit = (text, currency) => (/^[+\u2212]?[\d,.]+$/.test(text) && currency ? h("span", { class: "agent-unit" }, `\u00a0${currency}`) : "");
  return h("tr", { key: row.name, role: "row" },
    cell("rank", row.rank),
    h("th", { scope: "row", role: "rowheader", class: "agent-name", title: row.note || false }, row.name, row.note && h("span", { class: "only-spoken" }, `, ${row.note}`)),
    cell("model", h("span", { class: "agent-model-name" }, row.model), row.badge ? [" ", badge(row.badge)] : ""),
    cell("trades", row.trades), cell("won", row.won),
    cell("pnl", figure(row.pnl), unit(row.pnl, agents.currency)), cell("cost", row.cost, unit(row.cost, agents.cost_currency)),
    cell("roi", figure(row.roi)), cell("per-trade", row.per_trade), cell("spark", spark(row.spark)));
}

/** A signed figure is a fact and stands out; words about it (`2 pending`) are quieter. */
function figure(text) {
  return h("span", { class: /^[+\u2212]/.test(text) ? "agent-strong" : "" }, text);
}

function spark(values) {
  if (!values || values.length < 2) return "\u2014";
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const points = values.map((value, n) => `${((n * 72) / (values.length - 1)).toFixed(1)},${(15 - ((value - low) / span) * 12).toFixed(1)}`);
  return svg("svg", { class: "spark", viewBox: "0 0 72 18", width: 72, height: 18, "aria-hidden": "true" }, svg("polyline", { points: points.join(" ") }));
}
