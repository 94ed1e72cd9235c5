// One of several: the segmented controls of the panels, and the window of both charts, which is one choice (24 h or
// 30 d), so that their cursors always stand on the same time.

import { h } from "../dom.js";

/** A segmented control. @param {string} label spoken @param {Array<[string, string]>} options value and words */
export function segments(label, options, chosen, choose) {
  return h("div", { class: "switch", role: "group", "aria-label": label }, options.map(([value, words]) =>
    h("button", { key: value, type: "button", "aria-pressed": String(value === chosen), onclick: () => choose(value) }, words)));
}

let chosen = ""; // storage can be forbidden: the choice holds without it
const groups = new WeakMap(); // the panels of one build of the page; another language builds them anew

/**
 * The window of the charts, "hours" or "days", shared by all of them.
 * @param {() => void} redraw called when any chart chooses another
 */
export function sharedWindow(ctx, redraw) {
  const followers = groups.get(ctx) ?? new Set();
  groups.set(ctx, followers.add(redraw));
  chosen ||= ctx.prefs.get("window", "hours") === "days" ? "days" : "hours";
  return {
    get isDays() { return chosen === "days"; },
    control: () => segments(ctx.words("chart.window"), [["hours", ctx.words("chart.24h")], ["days", ctx.words("chart.30d")]], chosen, (value) => {
      chosen = value;
      ctx.prefs.set("window", value);
      followers.forEach((follow) => follow());
    }),
  };
}
