// Starts the page: preferences, words, stream and panels; paints at most four times a second.
//
// A panel is a module `panels/NAME.js` with `panel(ctx) -> {el, draw(page, state)}`. `ctx` gives it:
//   words(key, values)  format  lang      labels, numbers and times in the reader's language
//   page()  state()  now()  route()       what is shown, how current it is, the observer's clock, where the reader is
//   go(issueId)  issueHref(id)  botHref(name)
//   api  tail  prefs  keys  copy(text)  retry()  repaint()  openDialog(...parts)  decide(id, verb, named)
// The top bar's field calls `ctx.search.ask(text, isFinal)`, which the search panel sets.

import { tick } from "./ages.js";
import { api } from "./api.js";
import { copy } from "./copy.js";
import { decide, decisionKeys } from "./decide.js";
import { h, make, patch } from "./dom.js";
import { formats } from "./format.js";
import { helpKeys } from "./help.js";
import { keyboard } from "./keys.js";
import { layout } from "./layout.js";
import { tabIcon } from "./marks.js";
import { panel as bottomBar } from "./panels/bottom.js";
import { panel as search } from "./panels/search.js";
import { panel as tabBar } from "./panels/tabs.js";
import { panel as topBar } from "./panels/top.js";
import { panel as verdict } from "./panels/verdict.js";
import { preferences } from "./prefs.js";
import { PANELS, issueView } from "./registry.js";
import { router } from "./router.js";
import { failed } from "./section.js";
import { stream } from "./stream.js";
import { tailRing } from "./tail.js";
import { voice } from "./voice.js";
import { readWords } from "./words.js";

const PAINT_EVERY = 250; // ms
const BONES_AFTER = 150; // ms

const prefs = preferences();
const keys = keyboard(prefs);
const tail = tailRing();
const place = (id) => document.getElementById(id);
const tell = voice(place("spoken"));
const started = performance.now();

let page = null;
let ctx = null;
let shown = []; // everything that draws
let dispose = () => {};
let paintedAt = 0;
let isPending = false;

prefs.applyTheme();
const where = router((now, before) => {
  if (now.bot !== before.bot) { tail.clear(); connection.again(true); }
  showView();
  repaint();
});

const connection = stream({
  query: () => ({
    lang: prefs.lang, ...(where.route.bot && { bot: where.route.bot }), ...(prefs.lastRead && { since: prefs.lastRead }),
  }),
  token: () => prefs.token,
  onPage(whole) { page = whole; repaint(); },
  onChanged(part) { if (page) page = { ...page, ...part }; repaint(); },
  onEvents(rows) { tail.add(rows); },
  onGap(lost) { tail.gap(lost); },
  onState() { repaint(); },
});

/** What panels are told of the connection. @returns {import("./section.js").State} */
function state() {
  return { ...connection.state, asOf: page ? connection.state.asOf || page.taken_at : 0, showBones: performance.now() - started > BONES_AFTER };
}

/** Paint soon, but never more than four times a second, and only when the browser is ready to. */
function repaint() {
  if (isPending) return;
  isPending = true;
  setTimeout(() => requestAnimationFrame(paint), Math.max(0, paintedAt + PAINT_EVERY - performance.now()));
}

function paint() {
  isPending = false;
  paintedAt = performance.now();
  if (!ctx) return;
  const now = state();
  document.documentElement.dataset.state = now.kind;
  for (const one of shown) draw(one, now);
  tick(ctx);
  title(now);
}

// One panel that fails says so in its own place; the others go on.
function draw(one, now) {
  if (one.isDashboard && where.route.issue) return;
  if (one.isView && !where.route.issue) return;
  try {
    one.panel.draw(page, now);
  } catch (error) {
    console.error(`panel ${one.name}`, error);
    one.panel.el.replaceChildren(make(failed(ctx, { title: ctx.words("state.panel_failed"), message: String(error), retry: boot })));
  }
}

function title(now) {
  const isLost = now.kind === "lost";
  const mark = isLost || !page ? "unknown" : page.verdict.mark;
  const text = isLost ? ctx.words("lost.title") : page?.title || "obs";
  if (document.title !== text) document.title = text;
  tabIcon(mark);
  if (page || isLost) tell(`${mark} ${isLost ? "" : page.verdict.subject}`, isLost ? ctx.words("lost.spoken") : `${page.verdict.word} ${page.verdict.subject}`, mark === "critical");
}

function showView() {
  const { issue, anchor } = where.route;
  const wasOpen = !place("view").hidden;
  place("view").hidden = !issue;
  place("now").hidden = Boolean(issue);
  if (issue) {
    shown.find((one) => one.isView)?.panel.open?.(issue);
    if (!wasOpen) showView.from = scrollY;
    scrollTo(0, 0);
  } else if (anchor) document.getElementById(anchor)?.scrollIntoView();
  else if (wasOpen) scrollTo(0, showView.from ?? 0);
}

function showBar(id, part) {
  patch(place(id), part.el);
  return part;
}

/** Build the page, anew after a change of language. */
async function boot() {
  const { lang } = prefs;
  document.documentElement.lang = lang;
  const words = await readWords(lang);
  dispose();
  keys.clear();
  ctx = {
    lang, words, prefs, keys, tail, copy, state,
    format: formats(lang, () => page?.offset_minutes ?? -new Date().getTimezoneOffset()),
    api: api(prefs),
    page: () => page,
    now: connection.now,
    route: () => where.route,
    go: (issue) => where.go({ issue }),
    issueHref: (issue) => where.href({ issue }),
    botHref: (bot) => where.href({ issue: "", bot }),
    retry: () => connection.again(false),
    again: () => connection.again(false),
    setLang(next) { prefs.lang = next; boot().then(() => connection.again(false)); },
    repaint,
    openDialog,
    decide: (id, verb, named) => decide(ctx, id, verb, named),
    copied: "", // what the briefing's buttons say for two seconds
    copyBriefing() {}, // set by the briefing panel
    currentIssue: () => "", // set by the issue list
    search: null, // set by the search panel: {ask(text, isFinal)}
  };
  document.querySelector("[data-words=skip]").textContent = words("skip");
  place("tabs").setAttribute("aria-label", words("tabs.label"));
  const panels = PANELS.map(({ name, make: build, place: spot, anchor }) => {
    const panel = build(ctx);
    if (anchor) panel.el.id = anchor;
    return { name, place: spot, panel, isDashboard: true };
  });
  shown = [
    { name: "top", panel: showBar("top", topBar(ctx)) },
    { name: "verdict", panel: showBar("verdict-place", verdict(ctx)), isDashboard: true },
    ...panels,
    { name: "bottom", panel: showBar("bottom", bottomBar(ctx)) },
    { name: "tabs", panel: showBar("tabs", tabBar(ctx)) },
    { name: "search", panel: search(ctx) },
  ];
  if (issueView) shown.push({ name: "issue", panel: showBar("view", issueView(ctx)), isView: true });
  dispose = layout(place("columns"), panels.map((one) => ({ el: one.panel.el, place: one.place })));
  helpKeys(ctx);
  decisionKeys(ctx);
  showView();
  repaint();
}

/** Show a dialog; Escape and its close button end it. @param {...any} parts @returns {HTMLDialogElement} */
function openDialog(...parts) {
  const dialog = place("dialog");
  patch(dialog, h("div", { class: "dialog-body" }, parts));
  if (!dialog.open) dialog.showModal();
  return dialog;
}

setInterval(() => { if (ctx) repaint(); }, 1000);
setTimeout(repaint, BONES_AFTER + 10);
await boot();
