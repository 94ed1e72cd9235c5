// Decisions of a person on an issue: resolve, archive, reopen, merge, split, with the reason; without the control token,
// how to do it in a terminal.

import { h } from "./dom.js";
import { command } from "./parts.js";

const SPANS = ["30d", "7d", "1d", "1h", "worse"];

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

/** Ask for the reason and decide. @param {Object} ctx @param {string} id
 *  @param {"resolve"|"archive"|"reopen"|"merge"|"split"} verb @param {string} [named] how a part of an issue is called */
export function decide(ctx, id, verb, named = "") {
  const { words } = ctx;
  const close = () => dialog.close();
  const { rows = [], quiet = [] } = ctx.page()?.issues ?? {};
  const others = [...rows, ...quiet].filter((row) => row.id !== id);
  const title = named || ([...rows, ...quiet].find((row) => row.id === id)?.title ?? id);
  let dialog = null;

  function show(failure = "") {
    dialog = ctx.openDialog(
      h("h2", { class: "dialog-title" }, words(`decide.${verb}_heading`)),
      h("p", { class: "soft" }, title),
      ctx.prefs.token ? (verb === "merge" && !others.length ? alone() : form(failure)) : readOnly());
  }

  function alone() {
    return [h("p", null, words("decide.merge_alone")), h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: close }, words("help.close")))];
  }

  function readOnly() {
    const bare = { reopen: `obs issues reopen ${id}`, split: `obs issues split ${id}`, merge: `obs issues merge I-… ${id}` };
    const line = bare[verb] ?? `obs issues ${verb} ${id} --why "…"`;
    return [h("p", null, words("decide.read_only")), command(ctx, line),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: close }, words("help.close")))];
  }

  function form(failure) {
    return h("form", { key: verb, class: "decision", onsubmit: send },
      h("p", { class: "quiet" }, words(`decide.${verb}_explain`)),
      verb === "merge" && h("label", null, h("span", null, words("decide.into")),
        h("select", { name: "into", required: true }, others.map((row) => h("option", { key: row.id, value: row.id }, `${row.id} ${row.title}`)))),
      verb !== "split" && h("label", null, h("span", null, words("decide.why")), h("input", { name: "why", required: verb === "archive", maxlength: 500, placeholder: words("decide.why_hint"), autocomplete: "off" })),
      verb === "archive" && h("label", null, h("span", null, words("decide.for")),
        h("select", { name: "for" }, SPANS.map((span) => h("option", { key: span, value: span }, words(`decide.for_${span}`))))),
      failure && h("p", { class: "is-error", role: "alert" }, words("decide.failed"), " ", failure),
      h("div", { class: "buttons" },
        h("button", { type: "submit", class: "button is-first" }, words(`decide.${verb}`)),
        h("button", { type: "button", class: "button", onclick: close }, words("decide.cancel"))));
  }

  async function send(event) {
    event.preventDefault();
    const said = new FormData(event.target);
    const body = { why: String(said.get("why") ?? "") };
    for (const name of ["for", "into"]) if (said.get(name)) body[name] = String(said.get(name));
    try {
      await ctx.api.decide(id, verb, body);
      close();
      // What was merged is shown as what it is a part of from now on.
      if (body.into && ctx.route().issue === id) ctx.go(body.into);
      ctx.again();
    } catch (error) {
      show(`${error.message} (${error.status || words("state.no_answer")})`);
    }
  }

  show();
}
