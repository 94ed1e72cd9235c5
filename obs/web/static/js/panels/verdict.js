// The verdict: one sentence, the money behind it, what to do first; then the four figures and a bar per currency.

import { h, make, patch } from "../dom.js";
import { icon, mark } from "../marks.js";
import { money, rich } from "../parts.js";

/** @param {Object} ctx */
export function panel(ctx) {
  const { words } = ctx;
  const full = make(h("section", { class: "verdict", id: "verdict", "aria-labelledby": "verdict-title" }));
  const line = make(h("button", { type: "button", class: "verdict-line", tabindex: "-1", "aria-hidden": "true", hidden: true,
    onclick: () => scrollTo({ top: 0 }) }));
  const el = make(h("div", { class: "verdict-frame" }, full, line));
  new IntersectionObserver(([seen]) => { line.hidden = seen.isIntersecting || !line.firstChild || seen.boundingClientRect.top > 0; },
    { rootMargin: "-110px 0px 0px" }).observe(full);

  function draw(page, state) {
    const view = state.kind === "lost" ? lost(page, state) : page ? said(page) : asking(state);
    full.className = `verdict verdict-${view.mark}${state.kind === "lost" ? " is-lost" : ""}`;
    line.className = full.className.replace(/verdict(?= )/, "verdict-line");
    patch(full, h("div", { class: "verdict-inside wide" },
      h("div", { class: "verdict-said" },
        h("h1", { id: "verdict-title" }, h("span", { class: "verdict-mark" }, mark(view.mark, { size: 28 })),
          h("span", { class: `verdict-word is-${view.mark}` }, view.word), view.subject && " ", view.subject && h("span", { class: "verdict-subject" }, view.subject)),
        h("div", { class: "verdict-text" }, view.text),
        h("div", { class: "buttons verdict-buttons" }, view.buttons)),
      page && h("div", { class: "verdict-money" }, figures(page, state), exposures(page))));
    patch(line, h("span", { class: "wide verdict-line-inside" }, mark(view.mark, { size: 18 }),
      h("span", { class: "verdict-line-text" }, h("span", { class: "verdict-line-word" }, view.word, " "), view.subject || ""),
      page?.verdict.amount && h("span", { class: "verdict-line-money" }, money(ctx, page.verdict.amount))));
  }

  function said(page) {
    const { verdict, observer } = page;
    return {
      mark: verdict.mark, word: verdict.word, subject: verdict.subject,
      text: [h("p", null, rich(ctx, verdict.text)),
        observer.alert?.length > 0 && h("p", { class: "verdict-alert" }, mark("warning", { size: 14 }), h("span", null, rich(ctx, observer.alert)))],
      buttons: [
        verdict.plan && h("a", { key: "plan", class: "button is-first", href: ctx.issueHref(verdict.plan) }, words("verdict.plan"), h("kbd", { "aria-hidden": "true" }, "↵")),
        copyButton(verdict),
      ],
    };
  }

  function copyButton(verdict) {
    return h("button", { key: "copy", type: "button", class: "button verdict-copy", onclick: () => ctx.copyBriefing() },
      ctx.copied ? icon("done", 14) : icon("copy", 14),
      h("span", { "aria-live": "off" }, ctx.copied || words("verdict.copy")),
      !ctx.copied && verdict.plan === "" && verdict.tokens > 0 && h("span", { class: "quiet" }, words("verdict.tokens", { tokens: ctx.format.count(verdict.tokens) })),
      !ctx.copied && verdict.plan !== "" && h("kbd", { "aria-hidden": "true" }, "C"));
  }

  function asking(state) {
    const isRefused = state.failure && state.attempt > 0;
    return { mark: "unknown", word: words("lost.word"), subject: isRefused ? words("lost.never") : words("verdict.loading"),
      text: isRefused ? [h("p", null, state.failure.status === 401 ? words("lost.token") : [reason(state.failure), " ", words("lost.explain_never")])] : [h("p", { class: "bone-line", "aria-hidden": "true" })],
      buttons: isRefused ? trying(state) : [] };
  }

  function reason({ status, at }) {
    return status ? words("state.answered", { status, time: ctx.format.clock(at) }) : "";
  }

  function lost(page, state) {
    const { verdict } = page;
    const subject = (verdict.subject || verdict.word).replace(/\.$/, "");
    const bot = page.issues.rows.find((row) => row.id === verdict.plan)?.service;
    const amount = verdict.amount && ctx.format.amount(verdict.amount);
    return { mark: "unknown", word: words("lost.word"), subject: words("lost.subject", { age: ctx.format.duration(Date.now() - state.lostAt) }),
      text: [h("p", null, words("lost.explain", { time: ctx.format.clock(state.asOf) }), " ",
        h("strong", null, !amount ? `${subject}.` : words(bot ? "lost.last_on" : "lost.last", { subject, amount, bot })), " ", amount && words("lost.check"))],
      buttons: trying(state) };
  }

  function trying(state) {
    const wait = Math.max(0, state.nextTry - Date.now());
    return [
      state.failure?.status === 401 ? tokenForm() : h("button", { key: "retry", type: "button", class: "button is-first", onclick: ctx.retry }, words("lost.retry")),
      h("button", { key: "status", type: "button", class: "button", "aria-label": words("copy.command", { command: "obs status" }), onclick: () => ctx.copy("obs status") }, icon("copy", 14), h("code", null, "obs status")),
      h("span", { key: "next", class: "verdict-next" }, state.nextTry
        ? words("lost.next", { age: ctx.format.duration(Math.ceil(wait / 1000) * 1000), attempt: state.attempt + 1 })
        : words("lost.trying", { attempt: state.attempt + 1 })),
    ];
  }

  function tokenForm() {
    return h("form", { key: "token", class: "token-form", onsubmit: (event) => {
      event.preventDefault();
      ctx.prefs.token = new FormData(event.target).get("token").trim();
      ctx.retry();
    } }, h("input", { type: "password", name: "token", "aria-label": words("lost.token_label"), placeholder: words("lost.token_label"), autocomplete: "off" }),
    h("button", { type: "submit", class: "button is-first" }, words("lost.token_use")));
  }

  function figures(page, state) {
    return h("dl", { class: page.figures.some((figure) => figure.amount.text.length > 13) ? "figures is-long" : "figures", "aria-label": words("verdict.figures") }, page.figures.map((figure, index) => h("div", { key: figure.key, class: "figure" },
      h("dt", null, figure.label),
      h("dd", { class: figure.mark ? `figure-amount is-${figure.mark}` : "figure-amount" }, money(ctx, figure.amount)),
      h("dd", { class: "figure-more" }, state.kind === "lost" && index === 0 ? words("lost.as_of", { time: ctx.format.clock(state.asOf) }) : rich(ctx, figure.more)))));
  }

  function exposures(page) {
    if (!page.exposure.length) return null;
    return h("ul", { class: "exposure", "aria-label": words("exposure.label") }, page.exposure.map((bar) => h("li", { key: bar.currency },
      h("span", { class: "exposure-currency", "aria-hidden": "true" }, bar.currency),
      h("span", { class: "exposure-bar", "aria-hidden": "true" }, bar.parts.map((part, index) => h("span", {
        key: index, class: `exposure-part${part.is_hatched ? " is-hatched" : ""}${part.mark ? ` has-${part.mark}` : ""}`, title: `${ctx.format.amount(part.amount)} ${part.label}`,
        css: { "flex-grow": String(Math.max(0.02, part.share)) },
      }, h("span", null, part.amount.text, " ", part.label)))),
      h("span", { class: "only-spoken" }, bar.spoken))));
  }

  ctx.keys.on("Enter", () => {
    const plan = ctx.page()?.verdict.plan;
    if (ctx.route().issue || !plan || document.activeElement !== document.body) return false;
    ctx.go(plan);
    return undefined;
  });
  return { el, draw };
}
