// The frame of a panel: its heading over a hairline, and the states that are not "loaded".

import { h, make, patch } from "./dom.js";
import { mark } from "./marks.js";

/**
 * @typedef {Object} State
 * @property {"loading"|"live"|"slow"|"catching"|"lost"} kind
 * @property {number} asOf Unix ms of what is shown
 * @property {boolean} [showBones] whether loading has lasted 150 ms
 * @property {{status: number, message: string, at: number}|null} [failure] why the last reading failed
 */

/**
 * @param {Object} ctx
 * @param {string} name the panel's name: class, anchor and key of its words (`NAME.heading`)
 * @param {{bones?: number, anchor?: string}} [options] `bones`: how many lines stand while loading
 */
export function section(ctx, name, { bones = 4, anchor = "" } = {}) {
  const title = make(h("h2", { id: `${name}-title` }));
  const note = make(h("span", { class: "section-note" }));
  const stale = make(h("span", { class: "as-of", hidden: true }));
  const tools = make(h("div", { class: "section-tools" }));
  const body = make(h("div", { class: `${name}-body` }));
  const el = make(h("section", { class: `section ${name}`, id: anchor || name, tabindex: "-1", "aria-labelledby": `${name}-title` },
    h("div", { class: "section-head" }, title, note, stale, tools), body));

  /**
   * Draw the panel: the heading always; then bones, the error, or what `inside` gives.
   * @param {State} state
   * @param {{title?: any, note?: any, tools?: any}} head
   * @param {() => any} inside called only when there is a page to draw
   */
  function draw(state, head, inside) {
    patch(title, head.title ?? ctx.words(`${name}.heading`));
    patch(note, head.note ?? "");
    patch(tools, head.tools ?? "");
    const isStale = state.kind === "lost" && state.asOf > 0;
    stale.hidden = !isStale;
    if (isStale) patch(stale, ctx.words("state.as_of", { time: ctx.format.clock(state.asOf) }));
    el.setAttribute("aria-busy", String(state.kind === "loading"));
    if (!state.asOf && state.failure) patch(body, h("p", { class: "panel-empty" }, ctx.words("state.waits")));
    else if (!state.asOf) patch(body, state.showBones ? h("div", { class: "bones", "aria-hidden": "true" }, Array.from({ length: bones }, () => h("span", null))) : "");
    else patch(body, inside());
  }

  return { el, body, draw };
}

/** Why something is not shown, that the rest is current, and one button. */
export function failed(ctx, { title, status = 0, message = "", at = 0, retry = ctx.retry, button = "" }) {
  const reason = status ? ctx.words("state.answered", { status, time: ctx.format.clock(at || ctx.now()) }) : ctx.words("state.no_answer");
  return h("div", { class: "panel-error", role: "group" }, mark("unknown"),
    h("div", null, h("strong", null, title), h("p", null, reason, " ", message || ctx.words("state.others_current")),
      h("div", { class: "buttons" }, h("button", { type: "button", class: "button", onclick: retry }, button || ctx.words("state.try_again")))));
}

/** Why there is nothing to show, and what fills it. */
export function empty(...children) {
  return h("div", { class: "panel-empty" }, children);
}
