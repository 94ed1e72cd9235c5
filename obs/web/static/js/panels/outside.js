// What leaves the observer and comes to it: channels of messages, silences made and ended here, OpenTelemetry.

import { h } from "../dom.js";
import { mark } from "../marks.js";
import { command, rich } from "../parts.js";
import { section } from "../section.js";

const SPANS = ["30m", "2h", "8h", "1d", "7d"];
const SEVERITIES = ["warning", "error", "critical"];

/** The panel `outside`. */
export function panel(ctx) {
  const frame = section(ctx, "outside", { bones: 4 });
  const { words } = ctx;

  function draw(page, state) {
    const shown = page?.outside;
    frame.draw(state, { tools: h("button", { type: "button", class: "link", onclick: () => silence() }, words("outside.silence")) }, () => [
      shown?.no_channel?.length ? h("p", { class: "panel-empty" }, rich(ctx, shown.no_channel)) : facts(shown?.channels ?? []),
      shown?.alertmanager && h("p", { class: "observer-alert" }, mark("warning"), h("span", null, shown.alertmanager)),
      silences(shown),
      facts(shown?.telemetry ?? []),
    ]);
  }

  function facts(list) {
    return h("dl", { class: "facts observer-facts" }, list.map((fact, n) => h("div", { key: fact.label + n },
      h("dt", null, fact.mark && mark(fact.mark, { label: words(`mark.${fact.mark}`) }), h("span", null, fact.label), fact.detail?.length ? h("span", { class: "fact-detail" }, rich(ctx, fact.detail)) : ""),
      h("dd", null, rich(ctx, fact.value)))));
  }

  function silences(shown) {
    const list = shown?.silences ?? [];
    if (!list.length) return "";
    return h("div", { class: "silences" }, h("h3", { class: "silences-title" }, words("outside.silences"), shown.silenced ? h("span", { class: "quiet" }, ` ${shown.silenced}`) : ""),
      h("ul", null, list.map((one, n) => h("li", { key: `${one.number}-${n}`, class: "silence" },
        h("span", { class: "silence-what" }, one.text, h("span", { class: "quiet" }, ` ${words("outside.until", { time: ctx.format.when(one.until, ctx.now()) })}${one.detail ? `, ${one.detail}` : ""}`)),
        one.number ? h("button", { type: "button", class: "link", onclick: () => end(one) }, words("outside.end"), h("span", { class: "only-spoken" }, ` ${one.text}`)) : ""))));
  }

  function end(one) {
    ask({ title: words("outside.end_heading"), text: one.text, submit: words("outside.end"), line: `obs alert silence --end ${one.number}`,
      fields: () => "", send: () => ctx.api.post(`api/silences/${one.number}/end`, {}) });
  }

  function silence() {
    const bots = ctx.page()?.bots ?? [];
    ask({ title: words("outside.silence_heading"), text: words("outside.silence_explain"), submit: words("outside.silence"),
      line: 'obs alert silence --bot "*" --severity error --for 2h --reason "…"',
      fields: () => [
        field("bot", h("select", { name: "bot" }, h("option", { value: "*" }, words("outside.all_bots")), bots.map((bot) => h("option", { key: bot.name, value: bot.name }, bot.name)))),
        field("severity", h("select", { name: "severity" }, SEVERITIES.map((one) => h("option", { key: one, value: one }, words(`outside.up_to_${one}`))))),
        field("for", h("select", { name: "for" }, SPANS.map((one) => h("option", { key: one, value: one }, words(`outside.for_${one}`))))),
        field("why", h("input", { name: "why", required: true, maxlength: 500, placeholder: words("decide.why_hint"), autocomplete: "off" })),
      ],
      send: (said) => ctx.api.post("api/silences", Object.fromEntries(said)) });
  }

  function field(name, input) {
    return h("label", { key: name }, h("span", null, words(`outside.field_${name}`)), input);
  }

  /** Ask in a dialog and send; without the control token, say how to do it in a terminal. */
  function ask({ title, text, submit, line, fields, send }) {
    let dialog = null;
    const close = () => dialog.close();
    async function sent(event) {
      event.preventDefault();
      try {
        await send(new FormData(event.target));
        close();
        ctx.again();
      } catch (error) {
        show(`${error.message} (${error.status || words("state.no_answer")})`);
      }
    }
    function show(failure = "") {
      dialog = ctx.openDialog(h("h2", { class: "dialog-title" }, title), h("p", { class: "soft" }, text),
        ctx.prefs.token
          ? h("form", { key: title, class: "decision", onsubmit: sent }, fields(),
            failure && h("p", { class: "is-error", role: "alert" }, words("decide.failed"), " ", failure),
            h("div", { class: "buttons" }, h("button", { type: "submit", class: "button is-first" }, submit), h("button", { type: "button", class: "button", onclick: close }, words("decide.cancel"))))
          : [h("p", null, words("decide.read_only")), command(ctx, line), h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: close }, words("help.close")))]);
    }
    show();
  }

  return { el: frame.el, draw };
}
