// Why it did not trade: a sentence first, then each gate with what was left after it and what it stopped.

import { h, svg } from "../dom.js";
import { rich } from "../parts.js";
import { empty, section } from "../section.js";
import { hatching } from "./hatching.js";
import { segments } from "./windows.js";

const MOST_BUTTONS = 4; // more bots than that are a list to choose from

/** The panel `funnel`. */
export function panel(ctx) {
  const frame = section(ctx, "funnel", { bones: 6 });
  let chosen = "";
  let last = null;
  const draw = (page, state) => {
    last = [page, state];
    const funnels = page?.funnel ?? [];
    const shown = funnels.find((one) => one.bot === chosen) ?? funnels[0];
    frame.draw(state, { note: ctx.words("funnel.window"), tools: funnels.length > 1 ? bots(ctx, funnels, shown, choose) : "" }, () => {
      if (!shown) return empty(ctx.words("funnel.none"));
      if (shown.is_empty) return empty(h("p", { class: "funnel-sentence" }, rich(ctx, shown.sentence)));
      return [h("p", { class: "funnel-sentence" }, rich(ctx, shown.sentence)), table(ctx, shown.stages)];
    });
  };
  const choose = (bot) => {
    chosen = bot;
    draw(...last);
  };
  return { el: frame.el, draw };
}

function bots(ctx, funnels, shown, choose) {
  const options = funnels.map((one) => [one.bot, one.bot || ctx.words("funnel.all")]);
  if (options.length <= MOST_BUTTONS) return segments(ctx.words("funnel.bot"), options, shown.bot, choose);
  return h("select", { class: "picker", "aria-label": ctx.words("funnel.bot"), onchange: (event) => choose(event.target.value) },
    options.map(([value, words]) => h("option", { key: value, value, selected: value === shown.bot }, words)));
}

function table(ctx, stages) {
  const most = Math.max(1, ...stages.map((stage) => stage.left + (stage.stopped ?? 0)));
  return h("table", { class: "funnel-table" },
    h("thead", null, h("tr", null,
      h("th", { scope: "col" }, ctx.words("funnel.gate")), h("td", { "aria-hidden": "true" }),
      h("th", { scope: "col", class: "number" }, ctx.words("funnel.left")), h("th", { scope: "col" }, ctx.words("funnel.stopped")))),
    h("tbody", null, stages.map((stage) => h("tr", { key: stage.label },
      h("th", { scope: "row" }, stage.label),
      h("td", { class: "funnel-bar" }, bar(stage, most)),
      h("td", { class: "number funnel-left" }, ctx.format.count(stage.left)),
      h("td", { class: "funnel-why" }, stage.why || (stage.stopped ? ctx.format.count(stage.stopped) : ""))))));
}

function bar(stage, most) {
  const share = (count) => `${((count * 100) / most).toFixed(2)}%`;
  // What came so far but is few must still be seen: two units at least, none for none.
  return svg("svg", { width: "100%", height: 12, "aria-hidden": "true" },
    stage.stopped > 0 && svg("rect", { x: share(stage.left), y: 0, width: share(stage.stopped), height: 12, fill: hatching("stopped") }),
    stage.left > 0 && svg("rect", { class: "funnel-fill", x: 0, y: 0, width: share(Math.max(stage.left, most / 90)), height: 12 }));
}
