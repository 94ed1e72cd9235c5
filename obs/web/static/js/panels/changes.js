// What changed since the reader looked: causes above symptoms; `Mark as read` begins anew.

import { h } from "../dom.js";
import { icon } from "../marks.js";
import { clock, rich } from "../parts.js";
import { empty, section } from "../section.js";

const ICONS = new Set(["deployed", "new", "worse", "regressed", "resolved", "untried", "quiet", "ended", "pnl"]);

/** @param {Object} ctx */
export function panel(ctx) {
  const frame = section(ctx, "changes", { bones: 6 });

  function draw(page, state) {
    const since = page?.changes.since ?? 0;
    frame.draw(state, {
      title: since ? ctx.words("changes.heading", { time: ctx.format.when(since, ctx.now()) }) : ctx.words("changes.heading_plain"),
      tools: page && h("button", { type: "button", class: "button is-plain", disabled: state.kind === "lost" || !page.changes.rows.length, onclick: read }, ctx.words("changes.read")),
    }, () => (page.changes.rows.length
      ? h("ul", { class: "change-list" }, page.changes.rows.map(row))
      : empty(page.changes.empty || ctx.words("changes.empty"))));
  }

  function read() {
    ctx.prefs.lastRead = ctx.page()?.taken_at ?? ctx.now();
    ctx.again();
    ctx.repaint();
  }

  function row(change, index) {
    const inside = [
      h("span", { class: "change-word" }, icon(ICONS.has(change.kind) ? change.kind : "quiet", 12), h("span", null, change.word)),
      h("span", { class: "change-text" }, rich(ctx, change.text)),
      h("span", { class: "change-at" }, change.value || (change.at ? clock(ctx, change.at) : "")),
    ];
    return h("li", { key: `${change.kind} ${change.at} ${change.issue} ${index}` },
      change.issue ? h("a", { class: "change-row", href: ctx.issueHref(change.issue) }, inside) : h("div", { class: "change-row" }, inside));
  }

  return { el: frame.el, draw };
}
