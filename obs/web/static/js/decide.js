// Decisions of a person on an issue: resolve, archive, reopen, with the reason; without the control token, how to do it.

import { h } from "./dom.js";
import { command } from "./parts.js";

const SPANS = ["always", "1h", "1d", "7d", "30d"];

/** Bind E and A to the open issue, or to the row that has the focus. @param {Object} ctx */
export function decisionKeys(ctx) {
  for (const [key, verb] of [["E", "resolve"], ["A", "archive"]]) {
    ctx.keys.on(key, () => {
      const id = ctx.route().issue || ctx.currentIssue?.();
      if (!id) return false;
      ctx.decide(id, verb);
      return undefined;
    });
  }
}

/** Ask for the reason and decide. @param {Object} ctx @param {string} id @param {"resolve"|"archive"|"reopen"} verb */
export function decide(ctx, id, verb) {
  const { words } = ctx;
  const close = () => dialog.close();
  const title = ctx.page()?.issues.rows.concat(ctx.page().issues.quiet).find((row) => row.id === id)?.title ?? id;
  let dialog = null;

  function show(failure = "") {
    dialog = ctx.openDialog(
      h("h2", { class: "dialog-title" }, words(`decide.${verb}_heading`)),
      h("p", { class: "soft" }, title),
      ctx.prefs.token ? form(failure) : readOnly());
  }

  function readOnly() {
    const line = verb === "reopen" ? `obs issues reopen ${id}` : `obs issues ${verb} ${id} --why "…"`;
    return [h("p", null, words("decide.read_only")), command(ctx, line),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: close }, words("help.close")))];
  }

  function form(failure) {
    return h("form", { key: verb, class: "decision", onsubmit: send },
      h("p", { class: "quiet" }, words(`decide.${verb}_explain`)),
      h("label", null, h("span", null, words("decide.why")), h("input", { name: "why", required: verb === "archive", maxlength: 500, placeholder: words("decide.why_hint"), autocomplete: "off" })),
      verb === "archive" && h("label", null, h("span", null, words("decide.for")),
        h("select", { name: "for" }, SPANS.map((span) => h("option", { key: span, value: span === "always" ? "ever" : span }, words(`decide.for_${span}`))))),
      failure && h("p", { class: "is-error", role: "alert" }, words("decide.failed"), " ", failure),
      h("div", { class: "buttons" },
        h("button", { type: "submit", class: "button is-first" }, words(`decide.${verb}`)),
        h("button", { type: "button", class: "button", onclick: close }, words("decide.cancel"))));
  }

  async function send(event) {
    event.preventDefault();
    const said = new FormData(event.target);
    const body = { why: String(said.get("why") ?? "") };
    if (said.get("for")) body.for = String(said.get("for"));
    try {
      await ctx.api.decide(id, verb, body);
      close();
      ctx.again();
    } catch (error) {
      show(`${error.message} (${error.status || words("state.no_answer")})`);
    }
  }

  show();
}
