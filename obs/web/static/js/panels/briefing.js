// The briefing to take away: its text, its tokens of the budget, a copy that is marked stale when it is.

import { h } from "../dom.js";
import { icon } from "../marks.js";
import { command } from "../parts.js";
import { failed, section } from "../section.js";

const FRESH_FOR = 10_000; // ms: a copy within this time takes the text that is shown
const READ_EVERY = 15_000; // ms between readings while the page changes
const BUDGET = 2_000;

/** Tokens as the briefing counts them: ASCII / 4 + other characters. @param {string} text */
export function tokensOf(text) {
  // eslint-disable-next-line no-control-regex
  const other = text.replace(/[\x00-\x7f]/g, "").length;
  return Math.ceil((text.length - other) / 4) + other;
}

/** What a briefing says of itself that it leaves out, in its first words. @param {string} text */
function leftOut(text) {
  const [, line = ""] = /^## (?:Left out|생략)\n(.+)$/m.exec(text) ?? [];
  return line.split(/[;.] ?(?=[`a-z가-힣])/)[0].replace(/\.$/, "");
}

/** @param {Object} ctx */
export function panel(ctx) {
  const { words, format } = ctx;
  const frame = section(ctx, "briefing", { bones: 9 });
  let isFull = ctx.prefs.get("briefing") === "full";
  let shown = null; // {text, tokens, budget, at, about}
  let failure = null;
  let asking = null;
  let copied = "";

  const since = () => ctx.page()?.changes.since ?? 0;
  /** What a briefing is about: another verdict, list of issues or span asks for another text. */
  const about = (page) => JSON.stringify([isFull, since(), ctx.route().bot, page.verdict.mark, page.verdict.subject, page.issues.rows.map((row) => [row.id, row.life?.text])]);

  async function read(page) {
    const asked = about(page);
    const query = { format: "json", lang: ctx.lang, budget: BUDGET, ...(!isFull && since() && { since: since() }), ...(ctx.route().bot && { bot: ctx.route().bot }) };
    asking = ctx.api.get("api/briefing", query).then((answer) => {
      shown = { budget: BUDGET, ...answer, tokens: answer.tokens ?? tokensOf(answer.text), at: Date.now(), about: asked };
      failure = null;
    }, (error) => { failure = { status: error.status ?? 0, at: Date.now(), message: "" }; })
      .finally(() => { asking = null; ctx.repaint(); });
    return asking;
  }

  function refresh(page, state) {
    if (!page || asking || state.kind === "lost" || document.hidden) return;
    const since = Date.now() - Math.max(shown?.at ?? 0, failure?.at ?? 0);
    if (!shown && !failure) read(page);
    else if (shown?.about !== about(page) && (since > READ_EVERY || shown?.about.slice(0, 30) !== about(page).slice(0, 30))) read(page);
  }

  /** The text to copy: read anew unless it is fresh; without the observer the last one, which then says so itself. */
  async function text() {
    const page = ctx.page();
    if (ctx.state().kind === "lost") {
      return shown && `> ${words("briefing.stale", { time: format.clock(ctx.state().asOf) })}\n\n${shown.text}`;
    }
    if (page && (!shown || shown.about !== about(page) || Date.now() - shown.at > FRESH_FOR)) await (asking ?? read(page));
    return failure ? null : shown?.text;
  }

  async function copyText(asText) {
    const found = await text();
    const isCopied = Boolean(found) && (await ctx.copy(asText(found)));
    copied = isCopied ? words("briefing.copied", { tokens: format.count(found === shown.text ? shown.tokens : tokensOf(found)) }) : words("briefing.not_copied");
    ctx.copied = copied;
    ctx.repaint();
    setTimeout(() => { copied = ""; ctx.copied = ""; ctx.repaint(); }, 2_000);
  }

  const plain = (found) => found;
  const asJson = (found) => JSON.stringify({ ...shown, text: found, about: undefined, at: undefined }, null, 2);
  ctx.copyBriefing = () => copyText(plain);
  ctx.keys.on("C", () => { if (ctx.route().issue) return false; copyText(plain); return undefined; });

  function choose(full) {
    isFull = full;
    ctx.prefs.set("briefing", full ? "full" : "since");
    if (ctx.page() && ctx.state().kind !== "lost") read(ctx.page());
    ctx.repaint();
  }

  function draw(page, state) {
    refresh(page, state);
    const moment = since();
    frame.draw(state, { tools: page && h("div", { class: "switch", role: "group", "aria-label": words("briefing.which") },
      h("button", { type: "button", "aria-pressed": String(!isFull), onclick: () => choose(false) }, moment ? words("briefing.since", { time: format.when(moment, ctx.now()) }) : words("briefing.since_plain")),
      h("button", { type: "button", "aria-pressed": String(isFull), onclick: () => choose(true) }, words("briefing.full"))) },
    () => (failure && !shown ? failed(ctx, { title: words("briefing.failed"), ...failure, retry: () => read(ctx.page()) }) : box(state)));
  }

  function box(state) {
    const isStale = state.kind === "lost";
    return h("div", { class: `briefing-box${isStale ? " is-stale" : ""}` },
      h("div", { class: "briefing-text", role: "region", tabindex: "0", "aria-label": words("briefing.text") }, shown ? lines(shown.text) : h("div", { class: "bones", "aria-hidden": "true" }, [1, 2, 3, 4].map((key) => h("span", { key })))),
      h("div", { class: "briefing-foot" },
        h("button", { type: "button", class: "button is-first", "aria-keyshortcuts": "C", disabled: !shown, onclick: () => copyText(plain) },
          copied ? icon("done", 14) : icon("copy", 14), h("span", null, copied || words("briefing.copy")), !copied && h("kbd", { "aria-hidden": "true" }, "C")),
        h("button", { type: "button", class: "button", disabled: !shown, onclick: () => copyText(asJson) }, words("briefing.json")),
        shown && meter()),
      shown && omitted());
  }

  function lines(text) {
    return h("pre", null, text.split("\n").map((line, index) => h("span", { key: index, class: line.startsWith("#") ? "briefing-head" : null }, line, "\n")));
  }

  function meter() {
    const share = Math.min(1, shown.tokens / shown.budget);
    return h("span", { class: "briefing-tokens" }, h("span", { class: "strong", flash: true }, format.count(shown.tokens)), " ", h("span", { class: "quiet" }, words("briefing.of", { budget: format.count(shown.budget) })),
      h("span", { class: "meter", "aria-hidden": "true" }, h("span", { css: { width: `${(share * 100).toFixed(1)}%` } })));
  }

  function omitted() {
    const left = leftOut(shown.text);
    return h("div", { class: "briefing-omitted" },
      h("p", null, left ? words("briefing.left_out", { what: left }) : words("briefing.more")),
      command(ctx, `obs brief --budget ${shown.budget * 2}`));
  }

  return { el: frame.el, draw };
}
