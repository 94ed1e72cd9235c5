// The live tail: the newest event first. It holds while it is scrolled, pointed at, selected in or paused, because
// a line that moves away under the eyes cannot be read; what came meanwhile is counted, and shown afterwards.

import { h, make } from "../dom.js";
import { icon, mark } from "../marks.js";
import { section } from "../section.js";
import { filter, isGrave, textOf } from "./tailfilter.js";
import { folding } from "./tailfold.js";
import { tailList } from "./taillist.js";

const KEPT = 2_000; // rows, for another filter
const KEPT_GRAVE = 500; // warnings and orders are kept longer than the rest
const RATE_OVER = 10; // s
const EARLIER = [{ limit: 200 }, { limit: 100, severity: "WARN" }, { limit: 100, event_name: "order.*" }]; // of the history: what the tail begins with
const FLOWING = 80; // rows drawn while lines flow: more than can be seen; all of them as soon as it holds

/** The history counts by numbers of its own: what is one event is known by its id and time alone. */
const keyOf = (row) => `${row.id} ${row.at}`;
const saidBy = (row) => `${row.at} ${row.service} ${row.component} ${row.event_name || textOf(row)}`;

/** The panel `tail`. */
export function panel(ctx) {
  const frame = section(ctx, "tail", { bones: 8 });
  const list = tailList(ctx, ctx.words("tail.heading"));
  const folded = folding();
  const choice = { text: "", warnings: true, orders: true, bot: "", component: "", issue: "" };
  let accepts = filter(choice);
  let all = [];
  let grave = [];
  let fromHistory = new Set(); // keys of what the history told, which the stream may tell once more
  const components = new Set();
  const perSecond = new Map(); // by the second of the events themselves: what is only read late is no rush
  let last = null;
  let waiting = []; // rows that came while the tail was held
  let isPaused = false;
  let isPointed = false;
  // As the last events said: to ask for either would lay out the page at each paint.
  let scrolled = 0; // px
  let isSelected = false;
  let plan = "";

  const isHeld = () => isPaused || isPointed || isSelected || scrolled > 4;

  function take(rows) {
    if (!rows.length) return start(); // a sidecar that began anew, or another bot
    for (const row of rows) perSecond.set(Math.floor(row.at / 1_000), (perSecond.get(Math.floor(row.at / 1_000)) ?? 0) + 1);
    while (perSecond.size > 4 * RATE_OVER) perSecond.delete(perSecond.keys().next().value);
    const fresh = rows.filter((row) => !fromHistory.has(keyOf(row)) && !fromHistory.has(saidBy(row)));
    all = [...all, ...fresh].slice(-KEPT);
    grave = [...grave, ...fresh.filter(isGrave)].slice(-KEPT_GRAVE);
    for (const row of fresh) if (row.component && components.size < 200) components.add(row.component);
    waiting = [...waiting, ...fresh.filter(accepts)].slice(-KEPT);
    ctx.repaint();
    return undefined;
  }

  function start() {
    all = [];
    grave = [];
    fromHistory = new Set();
    refold();
    readEarlier();
  }

  /** What was logged before the page was opened: a tail that waits for the next event would look like silence. */
  async function readEarlier() {
    const { bot } = ctx.route();
    try {
      const found = await Promise.all(EARLIER.map((asked) => ctx.api.get("api/events", { ...asked, ...(bot ? { service: bot } : {}) })));
      if (bot !== ctx.route().bot) return;
      // A line of a followed file is known by its place while it streams, and by another id once it is stored.
      const known = new Set(all.flatMap((row) => [keyOf(row), saidBy(row)]));
      const isNew = (row) => !known.has(keyOf(row)) && !known.has(saidBy(row));
      const earlier = new Map(found.flatMap((one) => one.events).filter(isNew).map((row) => [keyOf(row), row]));
      fromHistory = new Set([...earlier.values()].flatMap((row) => [keyOf(row), saidBy(row)]));
      const rows = [...earlier.values()].sort((a, b) => a.seq - b.seq);
      // What is stored already may not have been streamed yet.
      all = [...rows, ...all].sort((a, b) => a.at - b.at).slice(-KEPT);
      grave = [...rows.filter(isGrave), ...grave].slice(-KEPT_GRAVE);
      for (const row of rows) if (row.component && components.size < 200) components.add(row.component);
      if (!isHeld()) refold();
    } catch {
      // Without a history the tail begins with what comes; the search says why there is none.
    }
  }

  /** Fold all kept rows anew, after another choice. */
  function refold() {
    accepts = filter(choice);
    folded.clear();
    const here = new Set(all);
    [...grave.filter((row) => !here.has(row)), ...all].filter(accepts).forEach((row) => folded.add(row));
    waiting = [];
    toTop();
    flow();
    if (last) draw(...last);
  }

  function toTop() {
    list.el.scrollTop = scrolled = 0;
  }

  function flow() {
    const isStill = isHeld();
    if (!isStill) waiting.splice(0).forEach((row) => folded.add(row));
    const lines = folded.newestFirst();
    list.show(isStill ? lines : lines.slice(0, FLOWING));
  }

  function draw(page, state) {
    last = [page, state];
    if (page && page.verdict.plan !== plan) {
      plan = page.verdict.plan;
      list.tint((row) => Boolean(plan) && row.issue === plan);
      list.forget();
    }
    flow();
    frame.draw(state, { note: note(state), tools: [searchButton(), pauseButton()] }, () => [
      filters(page),
      lostNote(),
      h("div", { class: "tail-held", role: "status" }, isHeld() && waiting.length
        ? h("button", { type: "button", class: "button tail-more", onclick: release }, ctx.words("tail.waiting", { count: ctx.format.count(waiting.length) })) : ""),
      list.el,
      folded.size ? "" : nothing(),
    ]);
  }

  function note(state) {
    const which = choice.warnings && choice.orders ? "both" : choice.warnings ? "warnings" : choice.orders ? "orders" : "all";
    const now = Math.floor(ctx.now() / 1_000);
    let seen = 0;
    for (const [second, n] of perSecond) if (second > now - RATE_OVER && second <= now + 1) seen += n;
    const count = seen / RATE_OVER;
    const rate = count >= 10 || count === 0 ? ctx.format.count(Math.round(count)) : count.toFixed(1);
    return state.kind === "lost" ? ctx.words(`tail.showing_${which}`) : ctx.words("tail.note", { rate, which: ctx.words(`tail.showing_${which}`) });
  }

  function lostNote() {
    return ctx.tail.lost ? h("p", { class: "tail-lost" }, mark("unknown", { size: 14 }), ctx.words("tail.lost", { count: ctx.format.count(ctx.tail.lost) })) : "";
  }

  /** A phone has no search in its top bar. */
  function searchButton() {
    return h("button", { key: "search", type: "button", class: "button is-plain tail-find", onclick: () => ctx.search?.show("") }, icon("search", 16), ctx.words("tail.search"));
  }

  function pauseButton() {
    return h("button", { key: "pause", type: "button", class: "button is-plain tail-pause", "aria-pressed": String(isPaused), "aria-keyshortcuts": "Space", onclick: pause },
      ctx.words(isPaused ? "tail.go_on" : "tail.pause"), h("kbd", { "aria-hidden": "true" }, "Space"));
  }

  function pause() {
    isPaused = !isPaused;
    if (!isPaused) release();
    ctx.repaint();
  }

  function release() {
    isPaused = isPointed = false;
    if (isSelected) getSelection().removeAllRanges();
    isSelected = false;
    toTop();
    flow();
    if (last) draw(...last);
  }

  function set(change) {
    Object.assign(choice, change);
    refold();
  }

  const field = make(h("input", {
    type: "search", class: "tail-field", placeholder: ctx.words("tail.filter"), "aria-label": ctx.words("tail.filter_label"),
    title: ctx.words("tail.filter_help"), autocomplete: "off", spellcheck: "false", maxlength: 200, oninput: () => set({ text: field.value }),
  }));

  function filters(page) {
    const bots = (page?.bots ?? []).map((bot) => bot.name);
    const issues = (page?.issues?.rows ?? []).map((row) => [row.id, row.title]);
    return h("div", { class: "tail-filters" },
      h("div", { class: "tail-search" }, icon("search", 14), field),
      chip("warnings", [mark("warning", { size: 14 }), ctx.words("tail.warnings")]), chip("orders", ctx.words("tail.orders")),
      picker("bot", "tail.all_bots", bots.map((name) => [name, name])),
      picker("component", "tail.all_components", [...components].sort().map((name) => [name, name])),
      picker("issue", "tail.any_issue", issues.map(([id, title]) => [id, `${id} ${title}`]), (id) => id),
      h("span", { class: "tail-order quiet" }, ctx.words("tail.newest")));
  }

  function chip(name, inside) {
    return h("button", { key: name, type: "button", class: "chip", "aria-pressed": String(choice[name]), onclick: () => set({ [name]: !choice[name] }) },
      inside, choice[name] ? h("span", { class: "chip-off", "aria-hidden": "true" }, "×") : "");
  }

  function picker(name, words, options, short = (value) => value) {
    const chosen = choice[name];
    // What was chosen stays to be un-chosen, also when it is no longer offered.
    const offered = chosen && !options.some(([value]) => value === chosen) ? [[chosen, chosen], ...options] : options;
    return h("label", { key: name, class: `chip chip-picker${chosen ? " is-on" : ""}` },
      h("span", { "aria-hidden": "true" }, chosen ? short(chosen) : ctx.words(words), " ", h("span", { class: "chip-arrow" }, "▾")),
      h("select", { "aria-label": ctx.words(`${words}_label`), onchange: (event) => set({ [name]: event.target.value }) },
        h("option", { key: "", value: "", selected: !chosen }, ctx.words(words)),
        offered.map(([value, text]) => h("option", { key: value, value, selected: value === chosen }, text))));
  }

  function nothing() {
    if (!all.length) return h("p", { class: "panel-empty" }, ctx.words("tail.empty"));
    return h("div", { class: "panel-empty" }, h("p", null, ctx.words("tail.no_match", { count: ctx.format.count(all.length) })),
      h("div", { class: "buttons tail-empty-buttons" },
        h("button", { type: "button", class: "button", onclick: () => { field.value = ""; set({ text: "", warnings: false, orders: false, bot: "", component: "", issue: "" }); } }, ctx.words("tail.show_all")),
        choice.text && ctx.search ? h("button", { type: "button", class: "button", onclick: () => ctx.search.show(choice.text) }, ctx.words("tail.search_older")) : ""));
  }

  list.el.addEventListener("pointerenter", (event) => { isPointed = event.pointerType === "mouse"; });
  list.el.addEventListener("pointerleave", () => { isPointed = false; ctx.repaint(); });
  list.el.addEventListener("scroll", () => { scrolled = list.el.scrollTop; ctx.repaint(); }, { passive: true });
  document.addEventListener("selectionchange", () => {
    const selection = getSelection();
    const now = Boolean(selection && !selection.isCollapsed && list.el.contains(selection.anchorNode));
    if (now !== isSelected) ctx.repaint();
    isSelected = now;
  });
  ctx.keys.on("Space", () => (ctx.route().issue ? false : void pause()));
  ctx.tail.listen((rows) => take(rows));
  if (ctx.tail.rows.length) {
    take(ctx.tail.rows);
    refold();
  }
  readEarlier();
  return { el: frame.el, draw };
}
