// The key below a chart, and the table behind it: always there for a screen reader, on demand for everyone.

import { h, svg } from "../dom.js";

/**
 * One swatch and name for each series.
 * @param {Array<[string, string, Element?]>} entries look (`fill-1`, `hollow-1`, `line-1`), name, and where its value under the cursor stands
 */
export function key(entries) {
  return h("ul", { class: "chart-key" }, entries.map(([look, name, value]) =>
    h("li", { key: look + name }, swatch(look), h("span", null, name), value ?? "")));
}

function swatch(look) {
  return svg("svg", { class: `swatch ${look}`, width: 12, height: 10, viewBox: "0 0 12 10", "aria-hidden": "true" },
    look.startsWith("line") ? svg("line", { x1: 0, y1: 5, x2: 12, y2: 5 }) : svg("rect", { x: 1.5, y: 1, width: 8, height: 8 }));
}

/**
 * The table behind a chart and the button that shows it to the eyes too.
 * @param {() => void} redraw called when it is shown or hidden
 */
export function behind(ctx, redraw) {
  let isShown = false;
  return {
    isShown: () => isShown,
    button: () => h("button", {
      type: "button", class: "button is-plain chart-table-button", "aria-expanded": String(isShown),
      onclick: () => { isShown = !isShown; redraw(); },
    }, ctx.words(isShown ? "chart.hide_table" : "chart.table")),
    table: (name, heads, rows) => h("div", { class: isShown ? "chart-table" : "only-spoken", tabindex: isShown ? 0 : false, role: "region", "aria-label": name },
      h("table", null,
        h("caption", { class: "only-spoken" }, name),
        h("thead", null, h("tr", null, heads.map((head) => h("th", { scope: "col" }, head)))),
        h("tbody", null, rows.map(([first, ...others]) => h("tr", null, h("th", { scope: "row" }, first), others.map((value) => h("td", null, String(value)))))))),
  };
}
