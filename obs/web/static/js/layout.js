// Puts the panels' elements where they belong, so that the order of reading is the order of the document at any width.

import { h, make } from "./dom.js";

const WIDE = matchMedia("(min-width: 1100px)");

/**
 * @param {Element} columns the grid
 * @param {Array<{el: Element, place: "left"|"right"|"span"|"pair"}>} panels in the order of a narrow page
 */
export function layout(columns, panels) {
  const left = make(h("div", { class: "column" }));
  const right = make(h("div", { class: "column" }));
  const span = make(h("div", { class: "column span" }));
  const pair = make(h("div", { class: "pair" }));
  const of = (place) => panels.filter((panel) => panel.place === place).map((panel) => panel.el);
  pair.append(...of("pair"));

  /** The elements in order; a pair stands where its first panel does. */
  function ordered(places) {
    const found = panels.filter((panel) => places.includes(panel.place));
    const elements = found.map((panel) => (panel.place === "pair" ? pair : panel.el));
    return elements.filter((element, index) => elements.indexOf(element) === index);
  }

  function place() {
    if (WIDE.matches) {
      left.replaceChildren(...ordered(["left", "pair"]));
      right.replaceChildren(...ordered(["right"]));
      span.replaceChildren(...ordered(["span"]));
      columns.replaceChildren(left, right, span);
    } else {
      left.replaceChildren(...ordered(["left", "pair", "right", "span"]));
      columns.replaceChildren(left);
    }
  }

  place();
  WIDE.addEventListener("change", place);
  return () => WIDE.removeEventListener("change", place);
}
