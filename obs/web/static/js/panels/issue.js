// The view of one issue: what to do, the story, evidence, money, life. An incident shows cause and symptoms instead.
// It reads its own data, again whenever the list of issues changes, and says so when the issue is gone.

import { h, make, patch } from "../dom.js";
import { icon, mark } from "../marks.js";
import { rich } from "../parts.js";
import { failed } from "../section.js";
import { cause, symptoms } from "./incident.js";
import { crumbs, evidence, facts, life, merged, part, sentences, sidelist, story, subline, todo } from "./issueparts.js";

const BONES_AFTER = 150; // ms
const READ_EVERY = 1_000; // ms at least, while the list changes
const GONE = 404;
const NARROW = matchMedia("(max-width: 899.98px)"); // one column: what to do must not stand below everything

/** The view of an issue. @param {Object} ctx @returns {{el: Element, draw: Function, open: (id: string) => void}} */
export function panel(ctx) {
  const el = make(h("div", { class: "issue-view" }));
  let id = "";
  let view = null;
  let readOf = null; // the list of issues at the last reading
  let readAt = -Infinity;
  let openedAt = 0;
  let failure = null;
  let isReading = false;
  let copy = { at: -Infinity, words: "" };

  async function read() {
    const asked = id;
    isReading = true;
    readOf = ctx.page()?.issues;
    readAt = performance.now();
    try {
      const found = await ctx.api.issue(asked, ctx.lang);
      if (asked === id) [view, failure] = [found, null];
    } catch (error) {
      if (asked === id) failure = { status: error.status ?? 0, message: error.message, at: ctx.now() };
      if (asked === id && failure.status === GONE) view = null;
    }
    if (asked === id) isReading = false;
    ctx.repaint();
  }

  function open(next) {
    if (next === id && view && !failure) return;
    if (next !== id) view = null;
    id = next;
    failure = null;
    copy = { at: -Infinity, words: "" };
    openedAt = performance.now();
    setTimeout(ctx.repaint, BONES_AFTER + 10);
    read();
  }

  function draw(page, state) {
    const isDue = readOf !== page?.issues && performance.now() - readAt > READ_EVERY;
    if (id && !isReading && isDue && state.kind !== "lost" && failure?.status !== GONE) read();
    patch(el, sidelist(ctx, page, id), h("article", { class: "view-main", "aria-busy": String(!view && !failure) },
      head(page, state), view ? body() : failure ? problem() : bones()));
  }

  function head(page, state) {
    const isStale = view && (state.kind === "lost" || failure);
    return h("header", { class: "view-head" },
      h("div", { class: "view-top" }, crumbs(ctx, page, id),
        isStale ? h("span", { class: "as-of" }, ctx.words("state.as_of", { time: ctx.format.clock(failure ? failure.at : state.asOf) })) : ""),
      view && h("div", { class: "view-buttons" }, buttons()),
      view && [h("h1", { class: "view-title" }, mark(view.row.mark, { size: 22, label: ctx.words(`mark.${view.row.mark}`) }), h("span", null, ctx.format.keep(view.row.title))),
        subline(ctx, view),
        failure && h("p", { class: "view-failure quiet" }, ctx.words("issue.not_fresh"), " ", h("button", { type: "button", class: "link", onclick: read }, ctx.words("state.try_again")))]);
  }

  function buttons() {
    const isCopied = performance.now() - copy.at < 2_000;
    return [
      h("button", { type: "button", class: "button is-first view-copy", onclick: copyForAgent, "aria-keyshortcuts": "c" }, icon(isCopied && copy.isDone ? "done" : "copy", 14),
        h("span", null, isCopied ? copy.words : ctx.words("issue.copy")), !isCopied && view.tokens ? h("span", { class: "quiet" }, ctx.words("verdict.tokens", { tokens: ctx.format.count(view.tokens) })) : ""),
      view.row.is_closed
        ? h("button", { key: "reopen", type: "button", class: "button", onclick: () => ctx.decide(id, "reopen") }, ctx.words("decide.reopen"))
        : [decision("resolve", "E"), decision("archive", "A")],
      h("button", { key: "merge", type: "button", class: "button view-merge", onclick: () => ctx.decide(id, "merge") }, ctx.words("decide.merge")),
    ];
  }

  function decision(verb, key) {
    return h("button", { key: verb, type: "button", class: `button view-${verb}`, "aria-keyshortcuts": key, onclick: () => ctx.decide(id, verb) }, ctx.words(`decide.${verb}`), h("kbd", { "aria-hidden": "true" }, key));
  }

  async function copyForAgent() {
    let isDone = false;
    try {
      const text = await ctx.api.text("api/briefing", { issue: id, lang: ctx.lang });
      const stale = ctx.state().kind === "lost" ? `${ctx.words("briefing.stale", { time: ctx.format.clock(ctx.state().asOf) })}\n\n` : "";
      isDone = await ctx.copy(stale + text);
    } catch {
      isDone = false;
    }
    copy = { at: performance.now(), isDone, words: isDone ? ctx.words("briefing.copied", { tokens: ctx.format.count(view?.tokens ?? 0) }) : ctx.words("briefing.not_copied") };
    ctx.repaint();
    setTimeout(ctx.repaint, 2_050);
  }

  function body() {
    const { incident } = view;
    const explained = view.explanation?.length ? h("p", { class: "view-explanation" }, rich(ctx, view.explanation)) : null;
    const main = incident
      ? [cause(ctx, incident), NARROW.matches && todo(ctx, view, true), symptoms(ctx, view), sentences(ctx.words("issue.effects"), view.effects), story(ctx, view), evidence(ctx, view)]
      : [explained, todo(ctx, view, false), story(ctx, view), evidence(ctx, view), sentences(ctx.words("issue.effects"), view.effects)];
    return h("div", { class: "view-columns" },
      h("div", { class: "view-article" }, main),
      h("aside", { class: "view-facts-side", "aria-label": ctx.words("issue.facts") },
        facts(ctx, ctx.words("issue.money"), view.money), incident && !NARROW.matches && todo(ctx, view, true), incident && facts(ctx, ctx.words("incident.told_apart"), incident.told_apart),
        view.before?.length ? part(ctx.words("issue.before"), "", "", h("p", { class: "view-before" }, rich(ctx, view.before))) : null,
        life(ctx, view), facts(ctx, ctx.words("issue.grouped"), view.grouped), merged(ctx, view), sentences(ctx.words("issue.not_known"), view.not_known)));
  }

  function problem() {
    // What the list still shows is not gone, whatever the answer was: then it only could not be read.
    const { rows = [], quiet = [] } = ctx.page()?.issues ?? {};
    if (failure.status === GONE && ![...rows, ...quiet].some((row) => row.id === id)) {
      return h("div", { class: "panel-error" }, mark("unknown"), h("div", null, h("h1", { class: "view-title" }, ctx.words("issue.gone", { id })), h("p", null, ctx.words("issue.gone_why")),
        h("div", { class: "buttons" }, h("a", { class: "button", href: ctx.issueHref("") }, ctx.words("issue.back")))));
    }
    return failed(ctx, { title: ctx.words("issue.failed"), status: failure.status, at: failure.at, retry: read });
  }

  function bones() {
    if (performance.now() - openedAt < BONES_AFTER) return "";
    return h("div", { class: "bones view-bones", "aria-hidden": "true" }, Array.from({ length: 9 }, () => h("span", null)));
  }

  /** To the next or previous issue of the list. */
  function move(step) {
    const rows = ctx.page()?.issues?.rows ?? [];
    const at = rows.findIndex((row) => row.id === id);
    const next = rows[at < 0 ? 0 : at + step];
    if (next) ctx.go(next.id);
  }

  NARROW.addEventListener("change", ctx.repaint);
  const onView = (action) => () => (ctx.route().issue ? void action() : false);
  ctx.keys.on("J", onView(() => move(1)));
  ctx.keys.on("K", onView(() => move(-1)));
  ctx.keys.on("C", onView(() => view && copyForAgent()));
  ctx.keys.on("Enter", onView(() => {}));
  ctx.keys.on("Escape", () => {
    const isElsewhere = document.querySelector("dialog[open]") || document.activeElement?.closest?.("input, select, .search-panel");
    if (!ctx.route().issue || isElsewhere) return false;
    ctx.go("");
    return undefined;
  });
  return { el, draw, open };
}
