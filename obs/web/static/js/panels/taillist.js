// The rows of the tail in the document: at most as many as there are lines, each used again for another line. It
// works on elements itself, because hundreds of events a second must not make hundreds of elements a second.

import { h, make } from "../dom.js";
import { mark } from "../marks.js";
import { rich } from "../parts.js";

/** @param {Object} ctx @param {string} label spoken name of the list */
export function tailList(ctx, label) {
  const el = make(h("div", { class: "tail-list", role: "log", "aria-live": "off", "aria-label": label, tabindex: "0" }));
  const free = [];
  /** @type {Map<number, {el: Element, row: Object, count: number}>} by the number of the line */
  let shown = new Map();
  let isTinted = () => false;

  el.addEventListener("click", async (event) => {
    const button = event.target.closest("button.tail-id");
    if (!button || !(await ctx.copy(button.dataset.id))) return;
    button.classList.add("is-copied");
    button.textContent = ctx.words("copy.done");
    setTimeout(() => {
      button.classList.remove("is-copied");
      button.textContent = button.dataset.id;
    }, 2_000);
  });

  function blank() {
    const parts = {
      time: document.createElement("time"), clock: new Text(), millis: document.createElement("span"), sign: document.createElement("span"),
      service: document.createElement("span"), component: document.createElement("span"), text: document.createElement("span"),
      id: document.createElement("button"), row: document.createElement("div"),
    };
    parts.time.append(parts.clock, parts.millis);
    for (const name of ["millis", "sign", "service", "component", "text", "row"]) parts[name].className = `tail-${name}`;
    parts.time.className = "tail-time quiet";
    parts.id.type = "button";
    parts.id.className = "tail-id";
    parts.row.append(parts.time, parts.sign, parts.service, parts.component, parts.text, parts.id);
    return parts;
  }

  function fill(parts, line) {
    const { row } = line;
    const [clock, millis] = ctx.format.clock(row.at, { millis: true }).split(".");
    parts.clock.data = clock;
    parts.millis.textContent = `.${millis}`;
    parts.time.dateTime = new Date(row.at).toISOString();
    parts.time.title = `${ctx.format.date(row.at)} ${clock}`;
    parts.sign.replaceChildren(row.mark ? make(mark(row.mark, { size: 12, label: row.severity })) : dot(row.severity));
    parts.service.textContent = parts.service.title = row.service ?? "";
    parts.component.textContent = parts.component.title = row.component ?? "";
    parts.text.replaceChildren(...rich(ctx, row.text).map(make), ...repeats(line), ...issue(row));
    parts.id.textContent = parts.id.dataset.id = row.id;
    parts.id.setAttribute("aria-label", ctx.words("tail.copy_id", { id: row.id }));
    parts.row.className = `tail-row${isTinted(row) ? ` is-tinted tint-${row.mark ?? "unknown"}` : ""}`;
  }

  function dot(severity) {
    return make(h("span", { class: "tail-dot" }, h("span", { "aria-hidden": "true" }, "·"), h("span", { class: "only-spoken" }, severity)));
  }

  function repeats(line) {
    if (line.times.length < 2) return [];
    return [" ", make(h("span", { class: "tail-times" }, ctx.words("tail.times", { count: ctx.format.count(line.times.length) })))];
  }

  function issue(row) {
    return row.issue ? [" ", make(h("a", { class: "tail-issue", href: ctx.issueHref(row.issue) }, row.issue))] : [];
  }

  return {
    el,
    /** Which rows stand out. @param {(row: Object) => boolean} rule */
    tint(rule) { isTinted = rule; },
    /** Draw every row anew at the next `show`. */
    forget() { for (const one of shown.values()) one.row = null; },
    /** @param {import("./tailfold.js").Line[]} lines newest first */
    show(lines) {
      const wanted = new Set(lines.map((line) => line.id));
      for (const [id, one] of shown) {
        if (wanted.has(id)) continue;
        one.parts.row.remove();
        free.push(one.parts);
        shown.delete(id);
      }
      const next = new Map();
      let place = el.firstChild;
      for (const line of lines) {
        const one = shown.get(line.id) ?? { parts: free.pop() ?? blank(), row: null, count: 0 };
        if (one.row !== line.row || one.count !== line.times.length) {
          fill(one.parts, line);
          one.row = line.row;
          one.count = line.times.length;
        }
        if (one.parts.row === place) place = place.nextSibling;
        else el.insertBefore(one.parts.row, place);
        next.set(line.id, one);
      }
      shown = next;
      free.length = Math.min(free.length, 100);
    },
  };
}
