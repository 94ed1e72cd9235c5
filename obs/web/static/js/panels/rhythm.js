// Bots and their rhythm: one row for each bot, one cell for each stage of its work. Sixty bars show the last three
// hours; hatching is silence where work was due, dots are times at which nothing was due. A cell in trouble shows
// its mark and for how long. The bars are a picture: what they say is spoken from the model's own sentence.

import { h, svg } from "../dom.js";
import { mark } from "../marks.js";
import { age, rich } from "../parts.js";
import { empty, section } from "../section.js";
import { hatching } from "./hatching.js";

const NOTHING_DUE = -1;
const MISSING = -2;
const HIGH = 14;
const TALL = 12; // a little air above the tallest bar
const SHORT = 2.5; // a bar that can be seen
const ALWAYS_SHOWN = new Set(["heartbeat", "heartbeats", "candle", "candles"]); // on the phone, where the rest is shown when it is bad
const BAD = new Set(["late", "often", "failed", "unknown"]);

/** The panel `rhythm`. */
export function panel(ctx) {
  const frame = section(ctx, "rhythm", { bones: 6 });
  const draw = (page, state) => {
    const rhythm = page?.rhythm;
    const has = Boolean(rhythm?.rows?.length);
    const title = [h("span", { class: "on-wide" }, ctx.words("rhythm.heading")), h("span", { class: "on-phone" }, ctx.words("rhythm.bots"))];
    frame.draw(state, { title, note: has ? note(ctx, rhythm) : "" }, () =>
      has ? table(ctx, rhythm, state.kind === "lost") : empty(rich(ctx, rhythm.empty)));
  };
  return { el: frame.el, draw };
}

function note(ctx, rhythm) {
  const most = Math.max(1, ...rhythm.rows.flatMap((row) => row.cells.map((cell) => cell.bars?.length ?? 0)));
  const span = ctx.format.duration(rhythm.bar_ms * most);
  const bar = ctx.format.duration(rhythm.bar_ms);
  return [h("span", null, ctx.words("rhythm.span", { span })), h("span", { class: "on-wide" }, ctx.words("rhythm.note", { bar }))];
}

function table(ctx, rhythm, isStale) {
  // Roles are named although the elements have them: the phone's layout is a grid, which would take them away.
  return h("table", { class: "rhythm-table", role: "table", "aria-label": ctx.words("rhythm.heading"), css: { "--stages": String(rhythm.stages.length) } },
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
      h("th", { scope: "col", role: "columnheader" }, ctx.words("rhythm.bot")),
      rhythm.stages.map(([key, heading]) => h("th", { key, scope: "col", role: "columnheader" }, heading)))),
    h("tbody", { role: "rowgroup" }, rhythm.rows.map((row) => botRow(ctx, rhythm, row, isStale))));
}

function botRow(ctx, rhythm, row, isStale) {
  const cells = new Map(row.cells.map((cell) => [cell.stage, cell]));
  return h("tr", { key: row.bot, role: "row" },
    h("th", { scope: "row", role: "rowheader" },
      h("span", { class: "rhythm-bot" }, mark(row.mark), h("a", { class: "rhythm-name", href: ctx.botHref(row.bot) }, row.bot)),
      h("span", { class: "rhythm-detail" }, ctx.format.keep(row.detail ?? ""))),
    rhythm.stages.map(([stage, heading]) => stageCell(ctx, stage, heading, cells.get(stage), isStale)));
}

function stageCell(ctx, stage, heading, cell, isStale) {
  if (!cell) return h("td", { key: stage, role: "cell", class: "is-calm" }, h("span", { class: "rhythm-said" }, "\u2014"));
  const isBad = Boolean(cell.mark) || BAD.has(cell.state);
  return h("td", { key: stage, role: "cell", class: isBad || ALWAYS_SHOWN.has(stage) ? "" : "is-calm" },
    h("span", { class: "rhythm-stage", "aria-hidden": "true" }, heading),
    h("span", { class: "only-spoken" }, cell.spoken || `${heading}: ${plain(cell)}`),
    h("span", { class: `rhythm-words${cell.bars?.length ? "" : " is-alone"}`, "aria-hidden": "true" }, words(ctx, cell, isStale)),
    cell.bars?.length ? bars(cell) : null);
}

function words(ctx, cell, isStale) {
  const said = cell.label?.length ? rich(ctx, cell.label) : age(cell.last);
  if (cell.mark) {
    // Without a connection an age is a clock time: `none in 14 min` becomes `since 11:18`.
    const since = isStale && (cell.label?.length ? cell.label.find((span) => span.since)?.since : cell.last);
    return h("span", { class: `rhythm-bad is-${cell.mark}` }, mark(cell.mark, { size: 14 }),
      since ? h("span", { key: "since" }, ctx.words("rhythm.since"), age(since)) : h("span", { key: "said" }, said));
  }
  if (cell.label?.length) return h("span", { class: cell.bars?.length && cell.state !== "unused" ? "rhythm-age" : "rhythm-said" }, said);
  return [h("span", { class: "rhythm-age" }, said), cell.every && !isStale && h("span", { class: "rhythm-every" }, ` ${ctx.format.keep(cell.every)}`)];
}

function plain(cell) {
  return (cell.label ?? []).map((span) => span.text ?? "").join("") || cell.state;
}

/**
 * The bars of one cell. The counts are one stretched path (sixty rectangles for each cell would be a thousand
 * elements); hatching and dots lie outside the stretching, so that their pattern keeps its angle at any width.
 */
function bars(cell) {
  const counts = cell.bars;
  const most = Math.max(1, ...counts);
  const path = counts.map((count, n) => {
    if (count <= 0) return "";
    const high = Math.max(SHORT, (TALL * count) / most).toFixed(1);
    return `M${n * 2 + 0.3} ${HIGH}v-${high}h1.3v${high}z`;
  }).join("");
  const at = (n) => `${((n * 100) / counts.length).toFixed(2)}%`;
  const floor = { y1: HIGH - 0.5, y2: HIGH - 0.5 };
  const bad = cell.mark ?? "error";
  return svg("svg", { class: "rhythm-bars", width: "100%", height: HIGH, "aria-hidden": "true" },
    runs(counts, (count) => count === NOTHING_DUE || count === 0).map(([from, to]) =>
      svg("line", { key: `dots ${from}`, class: "rhythm-dots", x1: at(from), x2: at(to), ...floor })),
    svg("svg", { viewBox: `0 0 ${counts.length * 2} ${HIGH}`, preserveAspectRatio: "none", width: "100%", height: HIGH },
      svg("path", { class: cell.state === "often" ? "rhythm-bar is-often" : "rhythm-bar", d: path })),
    runs(counts, (count) => count === MISSING).map(([from, to]) => [
      svg("rect", { key: `hatch ${from}`, x: at(from), y: 0, width: at(to - from), height: HIGH, fill: hatching(bad) }),
      svg("line", { key: `edge ${from}`, class: `rhythm-edge is-${bad}`, x1: at(from), x2: at(to), ...floor }),
    ]));
}

/** Where a count is of a kind: pairs of the first index and the one after the last. */
function runs(counts, isOfKind) {
  const found = [];
  for (let n = 0; n < counts.length; n += 1) {
    if (!isOfKind(counts[n])) continue;
    const from = n;
    while (n < counts.length && isOfKind(counts[n])) n += 1;
    found.push([from, n]);
  }
  return found;
}
