// The search of the top bar: issues at once from what the page already has, events from the observer's history,
// newest first and page by page. The field is the top bar's; a phone, which has none there, gets one in the panel.

import { h, make, patch } from "../dom.js";
import { mark } from "../marks.js";
import { badge, rich } from "../parts.js";
import { failed } from "../section.js";
import { eventId } from "./issueparts.js";
import { textOf } from "./tailfilter.js";

const WAIT = 250; // ms after the last letter
const PAGE = 50;
const MOST_ISSUES = 6;
const MOST_OF_TRACE = 500; // a story is told as a whole
const TRACE = /^(?:trace:)?([0-9a-f]{32})$/i;

/** The search. It puts `ctx.search` in place. @param {Object} ctx @returns {{el: Element, draw: Function}} */
export function panel(ctx) {
  const el = make(h("div", { class: "search-panel", id: "search-panel", hidden: true, role: "dialog", "aria-label": ctx.words("search.heading") }));
  const own = make(h("input", { type: "search", class: "search-own", "aria-label": ctx.words("top.search_label"), placeholder: ctx.words("top.search"), autocomplete: "off", spellcheck: "false", maxlength: 200, oninput: () => ask(own.value) }));
  let text = "";
  let rows = [];
  let state = "idle"; // idle, asking, done, more, failed
  let failure = null;
  let next = null; // where the next page begins; null: there is none
  let stepTo = ""; // the first of further events: the focus goes on there
  let timer = 0;
  let stop = new AbortController();

  const field = () => document.getElementById("search");

  function ask(value, isFinal = false) {
    const wanted = value.trim();
    clearTimeout(timer);
    if (!wanted && document.activeElement !== own) return close();
    el.hidden = false;
    field()?.setAttribute("aria-controls", "search-panel");
    if (wanted !== text) {
      text = wanted;
      stop.abort();
      [rows, next, failure, state] = [[], null, null, "asking"];
    }
    if (!wanted) state = "idle";
    paint();
    if (wanted && (isFinal || state === "asking")) timer = setTimeout(read, isFinal ? 0 : WAIT);
    return undefined;
  }

  async function read() {
    const asked = text;
    const before = next;
    const known = rows.length;
    stop = new AbortController();
    state = rows.length ? "more" : "asking";
    paint();
    try {
      const trace = TRACE.exec(asked)?.[1];
      const query = trace ? { trace, limit: MOST_OF_TRACE } : { text: asked, limit: PAGE, ...(before === null ? {} : { before }) };
      const found = await ctx.api.get("api/events", query, { signal: stop.signal });
      if (asked !== text) return;
      rows = [...rows, ...found.events];
      next = found.next ?? null;
      state = "done";
      if (known) stepTo = rows[known]?.id ?? "";
    } catch (error) {
      if (asked !== text || stop.signal.aborted) return;
      failure = { status: error.status ?? 0, message: error.message, at: ctx.now() };
      state = "failed";
    }
    paint();
  }

  function close() {
    clearTimeout(timer);
    stop.abort();
    [text, rows, state] = ["", [], "idle"];
    el.hidden = true;
  }

  function issues() {
    const words = text.toLowerCase().split(/\s+/);
    const all = [...(ctx.page()?.issues?.rows ?? []), ...(ctx.page()?.issues?.quiet ?? [])];
    return all.filter((row) => words.every((word) => `${row.id} ${row.title} ${row.service} ${row.todo}`.toLowerCase().includes(word)));
  }

  function paint() {
    if (el.hidden) return;
    const found = text ? issues() : [];
    const bar = h("div", { class: "search-phone" }, own, h("button", { type: "button", class: "button", onclick: leave }, ctx.words("help.close")));
    if (!text) return patch(el, bar);
    patch(el, bar,
      h("div", { class: "search-status only-spoken", role: "status" }, state === "done" ? ctx.words("search.found", { issues: found.length, events: rows.length }) : ""),
      h("section", null, h("h2", { class: "search-title" }, ctx.words("issues.heading"), " ", h("span", { class: "quiet" }, found.length)),
        found.length ? h("ul", null, found.slice(0, MOST_ISSUES).map(issueHit)) : h("p", { class: "search-none" }, ctx.words("search.no_issue"))),
      h("section", null, h("h2", { class: "search-title" }, ctx.words("search.events"), " ", h("span", { class: "quiet" }, ctx.words(TRACE.test(text) ? "search.in_order" : "tail.newest"))), events()));
    if (stepTo) [...el.querySelectorAll(".event-id")].find((one) => one.textContent === stepTo)?.focus();
    stepTo = "";
    return undefined;
  }

  function issueHit(row) {
    return h("li", { key: row.id }, h("a", { class: "search-issue", href: ctx.issueHref(row.id), onclick: leave }, mark(row.mark, { size: 14, label: ctx.words(`mark.${row.mark}`) }),
      h("span", { class: "search-what" }, row.title), row.life ? badge(row.life) : "", h("span", { class: "mono quiet" }, row.id)));
  }

  function events() {
    if (state === "failed") return failed(ctx, { title: ctx.words("search.failed"), ...failure, message: failure.status ? "" : failure.message, retry: read });
    if (state === "asking" && !rows.length) return h("div", { class: "bones", "aria-hidden": "true" }, h("span", null), h("span", null), h("span", null));
    if (!rows.length) return h("p", { class: "search-none" }, ctx.words("search.no_event", { text }));
    return [h("ul", { class: "search-events" }, repeated(rows).map(eventHit)),
      next === null ? h("p", { class: "search-none" }, ctx.words("search.all")) : h("button", { type: "button", class: "button search-more", "aria-disabled": state === "more", onclick: () => state !== "more" && read() }, ctx.words("search.older"))];
  }

  function eventHit({ row, count }) {
    return h("li", { key: row.seq, class: "search-event" },
      h("time", { class: "quiet", datetime: new Date(row.at).toISOString() }, ctx.format.when(row.at, ctx.now(), { seconds: true })),
      h("span", { class: "search-sign" }, row.mark ? mark(row.mark, { size: 12, label: row.severity }) : h("span", { class: "quiet" }, "·")),
      h("span", { class: "search-where" }, [row.service, row.component].filter(Boolean).join(" · ")),
      h("span", { class: "search-text", title: textOf(row).slice(0, 1_000) }, rich(ctx, row.text), count > 1 ? [" ", h("span", { class: "tail-times" }, "×", ctx.format.count(count))] : "", row.issue ? [" ", h("a", { class: "tail-issue", href: ctx.issueHref(row.issue), onclick: leave }, row.issue)] : "",
        row.trace && !TRACE.test(text) ? [" ", h("button", { type: "button", class: "link", onclick: () => ctx.search.show(`trace:${row.trace}`) }, ctx.words("search.trace"))] : ""),
      eventId(ctx, row.id));
  }

  /** To close it from a link or a button: the page goes on where the reader went. */
  function leave() {
    if (field()) field().value = "";
    own.value = "";
    close();
  }

  const stops = () => [...el.querySelectorAll("a, button, input")].filter((one) => one.offsetParent);
  function step(event, by) {
    const list = stops().filter((one) => !one.closest(".search-phone"));
    const at = list.indexOf(document.activeElement);
    event.preventDefault();
    if (at + by < 0 && by < 0) return (field()?.offsetParent ? field() : own).focus();
    return list[Math.min(list.length - 1, at + by)]?.focus();
  }
  const isOurs = (target) => el.contains(target) || target === field();

  function onKey(event) {
    // Escape ends it from anywhere: a button that went away took the focus with it.
    if (el.hidden || (event.key !== "Escape" && !isOurs(event.target)) || document.querySelector("dialog[open]")) return;
    if (event.key === "ArrowDown") step(event, 1);
    else if (event.key === "ArrowUp") step(event, -1);
    else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      leave();
      field()?.offsetParent && field().focus();
    }
  }
  function onOutside(event) {
    if (!el.hidden && !isOurs(event.target) && !event.target.closest?.("form.search")) close();
  }
  // One search at a time: another language builds the page anew.
  document.getElementById("search-panel")?.dispatchEvent(new Event("dispose"));
  document.getElementById("search-panel")?.remove();
  document.getElementById("top").after(el);
  document.addEventListener("keydown", onKey, true);
  document.addEventListener("pointerdown", onOutside, true);
  el.addEventListener("dispose", () => {
    document.removeEventListener("keydown", onKey, true);
    document.removeEventListener("pointerdown", onOutside, true);
  });
  ctx.search = {
    ask,
    /** Open with a text, from elsewhere on the page. */
    show(value) {
      const target = field()?.offsetParent ? field() : own;
      target.value = value;
      el.hidden = false;
      paint(); // the field of its own must stand in the document before it can have the focus
      target.focus();
      ask(value, true);
    },
    close,
  };
  return { el, draw: paint };
}

/** The same words one after another are one hit with its count; the newest stands for all. */
function repeated(rows) {
  const found = [];
  for (const row of rows) {
    const key = `${row.service}\n${row.component}\n${textOf(row)}`;
    const last = found.at(-1);
    if (last?.key === key) last.count += 1;
    else found.push({ key, row, count: 1 });
  }
  return found;
}
