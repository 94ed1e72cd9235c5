// The phone's tab bar: anchors of the same page, the one that is in view marked.

import { h, make, patch } from "../dom.js";
import { icon } from "../marks.js";

const TABS = [["now", "clock"], ["bots", "pulse"], ["money", "columns"], ["log", "lines"], ["briefing", "sheet"]];

/** @param {Object} ctx */
export function panel(ctx) {
  const el = make(h("ul", { class: "tab-bar" }));
  let current = "now";

  /** The last tab, in the order of the document, whose part begins above the middle of the screen. */
  function find() {
    if (ctx.route().issue) return "now";
    let best = ["now", -Infinity];
    for (const [name] of TABS) {
      const top = document.getElementById(name)?.getBoundingClientRect().top;
      if (top !== undefined && top < innerHeight * 0.4 && top > best[1]) best = [name, top];
    }
    return scrollY < 120 ? "now" : best[0];
  }

  let isWaiting = false;
  addEventListener("scroll", () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => { isWaiting = false; if (find() !== current) draw(); });
  }, { passive: true });

  function draw() {
    current = find();
    patch(el, TABS.filter(([name]) => document.getElementById(name)).map(([name, shape]) => h("li", { key: name },
      h("a", { href: `#${name}`, class: "tab", "aria-current": name === current ? "true" : null, onclick: name === "now" ? () => scrollTo(0, 0) : null },
        icon(shape, 20), h("span", null, ctx.words(`tabs.${name}`))))));
  }

  return { el, draw };
}
