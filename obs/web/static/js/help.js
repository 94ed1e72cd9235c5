// The list of keys, on `?`; shortcuts can be switched off there, which a screen reader may need.

import { h } from "./dom.js";

const KEYS = [["J", "K"], ["Enter"], ["Esc"], ["C"], ["E"], ["A"], ["/"], ["Space"], ["?"]];
const SHOWN = { Enter: "↵" };

/** @param {Object} ctx binds `?`, and gives the top level its help */
export function helpKeys(ctx) {
  ctx.keys.on("?", () => { showHelp(ctx); });
}

/** Open the list. @param {Object} ctx */
export function showHelp(ctx) {
  const close = () => dialog.close();
  const dialog = ctx.openDialog(
    h("h2", { class: "dialog-title" }, ctx.words("help.heading")),
    h("dl", { class: "keys" }, KEYS.map((keys) => h("div", { key: keys[0] },
      h("dt", null, keys.map((key) => h("kbd", null, SHOWN[key] ?? key))),
      h("dd", null, ctx.words(`help.${keys[0] === "/" ? "slash" : keys[0] === "?" ? "question" : keys[0].toLowerCase()}`))))),
    h("label", { class: "choice" },
      h("input", { type: "checkbox", checked: ctx.prefs.shortcuts, onchange: (event) => { ctx.prefs.shortcuts = event.target.checked; } }),
      ctx.words("help.on")),
    h("p", { class: "quiet" }, ctx.words("help.never_trades")),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: close }, ctx.words("help.close"))),
  );
}
