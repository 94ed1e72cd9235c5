// The bottom bar: what the observer says of itself in one line, its version, and the way to the list of keys.

import { h, make, patch } from "../dom.js";
import { showHelp } from "../help.js";
import { mark } from "../marks.js";
import { rich } from "../parts.js";
import { choices } from "./top.js";

/** @param {Object} ctx */
export function panel(ctx) {
  const el = make(h("div", { class: "bottom-bar wide", role: "group", "aria-label": ctx.words("bottom.label") }));

  function pieces(page, state) {
    if (state.kind === "lost") return [ctx.words("lost.heard", { time: ctx.format.clock(state.asOf) }), ctx.words("lost.buffer")];
    return (page?.observer.line ?? []).map((piece) => rich(ctx, piece));
  }

  function draw(page, state) {
    const shape = state.kind === "lost" || !page ? "unknown" : page.observer.mark;
    patch(el,
      h("a", { class: "bottom-name", href: "#observer" }, mark(shape, { size: 12, label: ctx.words(`mark.${shape}`) }), h("span", null, ctx.words("bottom.observer"))),
      h("span", { class: "bottom-pieces" }, pieces(page, state).map((piece, index) => h("span", { key: index, class: "bottom-piece" }, piece))),
      h("span", { class: "bottom-end" },
        page && h("span", { class: "bottom-version" }, ctx.words("bottom.version", { version: page.observer.version || page.version })),
        h("button", { type: "button", class: "bottom-keys", onclick: () => showHelp(ctx) }, h("kbd", { "aria-hidden": "true" }, "?"), " ", ctx.words("bottom.keys")),
        choices(ctx)));
  }

  return { el, draw };
}
