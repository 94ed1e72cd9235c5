// The parts of an issue's view: what to do, the story before it, evidence, facts, its life and why it is one issue.

import { h } from "../dom.js";
import { icon, mark } from "../marks.js";
import { age, badge, command, rich } from "../parts.js";

/** A part with its heading over a hairline. */
export function part(title, note, tools, ...inside) {
  return h("section", { class: "view-part" },
    h("div", { class: "section-head" }, h("h2", null, title), note && h("span", { class: "section-note" }, note), tools && h("span", { class: "section-tools quiet" }, tools)), inside);
}

/** What to do: each step with its minutes, what it touches, and a command to copy. */
export function todo(ctx, view, isAside) {
  const steps = view.steps ?? [];
  if (!steps.length && !view.do_not) return null;
  return part(ctx.words("issue.todo"), ctx.format.keep(view.minutes ?? ""), isAside ? "" : ctx.words("issue.never_trades"),
    h("ol", { class: "steps" }, steps.map((step, n) => h("li", { key: n, class: "step" },
      h("span", { class: "step-number", "aria-hidden": "true" }, n + 1),
      h("div", { class: "step-text" }, h("p", null, rich(ctx, step.text)), step.command && command(ctx, step.command)),
      (step.minutes || step.gate) && h("span", { class: "step-gate" }, ctx.format.keep(step.minutes ?? ""), step.minutes && step.gate ? " · " : "",
        step.gate && h("span", { class: step.is_grave ? "strong" : "" }, step.gate))))),
    doNot(ctx, view));
}

/** What would make it worse, unless a step says it already. */
function doNot(ctx, view) {
  const said = (view.steps ?? []).flatMap((step) => step.text).map((span) => span.text ?? "").join("").toLowerCase();
  if (!view.do_not || said.includes(view.do_not.toLowerCase().replace(/\.$/, ""))) return null;
  return h("p", { class: "do-not" }, h("strong", null, ctx.words("issue.do_not")), " ", coded(view.do_not));
}

/** The records that led to the first occurrence, on one line of time. */
export function story(ctx, view) {
  if (!view.story?.length) return null;
  return part(ctx.words("issue.story"), view.story_note, "", h("ol", { class: "story" }, view.story.map((row, n) =>
    h("li", { key: row.id + n, class: `story-row${row.is_it ? ` is-it tint-${view.row.mark}` : ""}` },
      h("span", { class: "story-time" }, h("time", { datetime: new Date(row.at).toISOString(), title: ctx.format.clock(row.at, { millis: true }) }, row.is_it ? ctx.format.clock(row.at) : ctx.format.offset(row.offset))),
      h("span", { class: `story-dot${row.is_it ? ` is-${view.row.mark}` : ""}`, "aria-hidden": "true" }),
      h("span", { class: "story-text" }, rich(ctx, row.text), row.badge ? [" ", badge(row.badge)] : ""),
      eventId(ctx, row.id)))));
}

/** The id of an event, which a press copies. */
export function eventId(ctx, id) {
  return h("button", { type: "button", class: "event-id", "aria-label": ctx.words("tail.copy_id", { id }), title: ctx.words("tail.copy_id", { id }), onclick: (event) => copied(ctx, event.currentTarget, id) }, id);
}

async function copied(ctx, button, id) {
  if (!(await ctx.copy(id))) return;
  button.classList.add("is-copied");
  setTimeout(() => button.classList.remove("is-copied"), 2_000);
}

/** Records as they were, with their ids; what came from outside has a dashed edge. */
export function evidence(ctx, view) {
  if (!view.evidence?.length) return null;
  const said = view.evidence_note ?? "";
  const shown = [coded(said), said.includes("obs show") ? "" : [said && ", ", h("code", null, `obs show ${view.row.id}`)]];
  return part(ctx.words("issue.evidence"), shown, view.evidence.some((one) => one.kind.is_foreign) ? ctx.words("issue.foreign") : "",
    h("ul", { class: "evidence" }, view.evidence.map((one, n) => h("li", { key: one.id + n, class: "evidence-row" },
      eventId(ctx, one.id), h("span", { class: "evidence-kind" }, badge(one.kind)),
      h("div", { class: "evidence-lines" }, one.lines.map((line, at) => h("p", { key: at, class: at ? "quiet" : "" }, line)))))));
}

/** Words with `code` between backticks, and the command of ours that they may name. */
function coded(words) {
  return words.split(/`([^`]+)`|(obs show \S+)/).map((piece, n) => (n % 3 && piece ? h("code", { key: n }, piece) : piece));
}

/** Labels and values under a heading. */
export function facts(ctx, title, list, isCode = false) {
  if (!list?.length) return null;
  return part(title, "", "", h("dl", { class: "facts view-facts" }, list.map((fact, n) => h("div", { key: fact.label + n },
    h("dt", null, fact.label), h("dd", { class: [fact.mark ? `is-${fact.mark}` : "", isCode ? "is-code" : ""].join(" ").trim() || false },
      fact.mark && h("span", { class: "only-spoken" }, ctx.words(`mark.${fact.mark}`), ": "),
      isLost(ctx) && fact.value.some((span) => span.since) ? ctx.words("rhythm.since") : "", rich(ctx, fact.value),
      fact.detail?.length ? h("span", { class: "fact-detail" }, " ", rich(ctx, fact.detail)) : "")))));
}

/** What happened to it, and what will prove that it is fixed. */
export function life(ctx, view) {
  if (!view.life?.length) return null;
  return part(ctx.words("issue.life"), "", "", h("ol", { class: "life" }, view.life.map(([at, text], n) => {
    // Without a time and quiet it is a remark on the whole, not a step of it.
    const isRemark = !at && text[0]?.style === "quiet";
    return h("li", { key: n, class: isRemark ? "life-remark" : "" },
      !isRemark && h("span", { class: "life-time" }, at ? h("time", { datetime: new Date(at).toISOString() }, ctx.format.when(at, ctx.now(), { seconds: true })) : "—"),
      h("span", null, rich(ctx, text)));
  })));
}

/** The issues that a person merged into this one, each with the way out. */
export function merged(ctx, view) {
  if (!view.merged?.length) return null;
  return part(ctx.words("issue.merged"), "", "", h("ul", { class: "merged" }, view.merged.map((one) => h("li", { key: one.id, class: "merged-row" },
    h("p", { class: "merged-title" }, ctx.format.keep(one.title)),
    h("p", { class: "quiet" }, h("span", { class: "mono" }, one.id), " ", one.count ? `×${ctx.format.count(one.count)}` : "", one.decided ? ` ${one.decided}` : ""),
    h("button", { type: "button", class: "link", onclick: () => ctx.decide(one.id, "split", one.title) }, ctx.words("decide.split"), h("span", { class: "only-spoken" }, ` ${one.title}`))))));
}

/** Sentences under a heading. */
export function sentences(title, list) {
  if (!list?.length) return null;
  return part(title, "", "", h("ul", { class: "sentences" }, list.map((line, n) => h("li", { key: n }, coded(line)))));
}

/** The line below the title: how grave, its life, where, how often, when. */
export function subline(ctx, view) {
  const { row } = view;
  const now = ctx.now();
  const isGoingOn = now - row.last < Math.max(60_000, (now - row.since) * 0.1) && !row.is_closed;
  const from = isGoingOn || !row.last
    ? [ctx.words("issue.since"), " ", clockOf(ctx, row.since)]
    : [clockOf(ctx, row.since), row.last - row.since > 1_000 ? [" ", ctx.words("issue.to"), " ", clockOf(ctx, row.last)] : ""];
  const ago = isGoingOn || !row.last ? age(row.since) : [age(row.last), " ", ctx.words("issue.ago")];
  // Without a connection there are no ages, and the times stand here already.
  const when = h("span", { key: isLost(ctx) ? "then" : "now" }, from, isLost(ctx) ? "" : [", ", ago]);
  return h("p", { class: "view-sub" },
    h("span", { class: `is-${row.mark}` }, view.severity), badge(row.life), row.service && h("span", { class: "nowrap" }, row.service), view.category && h("span", null, view.category),
    h("span", null, ctx.words("issue.events", { count: ctx.format.count(row.count) })), row.since ? h("span", { class: "quiet view-when" }, when) : "");
}

function clockOf(ctx, at) {
  return h("span", { class: "nowrap" }, ctx.format.when(at, ctx.now(), { seconds: true }));
}

function isLost(ctx) {
  return ctx.state().kind === "lost";
}

/** The list beside the view: all open issues, the shown one marked. */
export function sidelist(ctx, page, id) {
  const rows = page?.issues?.rows ?? [];
  return h("nav", { class: "side-list", "aria-label": ctx.words("issues.heading") },
    h("div", { class: "side-head" }, h("span", null, [ctx.words("issues.note", { count: rows.length }), page?.issues?.order].filter(Boolean).join(", ")), h("span", { class: "issue-keys", "aria-hidden": "true" }, h("kbd", null, "J"), h("kbd", null, "K"))),
    h("ol", null, rows.map((row) => h("li", { key: row.id }, h("a", { class: "side-row", href: ctx.issueHref(row.id), "aria-current": row.id === id ? "page" : false },
      mark(row.mark, { size: 14, label: ctx.words(`mark.${row.mark}`) }),
      h("span", { class: "side-title" }, ctx.format.keep(row.title)),
      h("span", { class: "side-money" }, row.amount ? ctx.format.amount(row.amount) : "—"),
      h("span", { class: "side-age" }, age(row.since, { "data-form": "short" })))))));
}

/** The way back, and which of how many it is. */
export function crumbs(ctx, page, id) {
  const rows = page?.issues?.rows ?? [];
  const at = rows.findIndex((row) => row.id === id);
  return h("nav", { class: "crumbs", "aria-label": ctx.words("issue.crumbs") },
    h("a", { href: ctx.issueHref("") }, h("span", { class: "crumb-back", "aria-hidden": "true" }, icon("back", 14)), ctx.words("issues.heading")),
    h("span", { class: "quiet", "aria-hidden": "true" }, "/"), h("span", { class: "mono crumb-id", "aria-current": "page" }, id),
    at >= 0 && h("span", { class: "crumb-place quiet" }, ctx.words("issue.place", { at: at + 1, count: rows.length })));
}
