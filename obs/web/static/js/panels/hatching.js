// Hatching means one thing on this page: something due is missing. One pattern for each colour, made once.

import { make, svg } from "../dom.js";

const KINDS = ["critical", "error", "warning", "ok", "unknown", "stopped"];
let isMade = false;

/** The fill of a hatched shape. @param {string} kind a mark, or `stopped` @returns {string} */
export function hatching(kind) {
  if (!isMade) {
    isMade = true;
    document.body.append(make(svg("svg", { class: "only-spoken", width: 0, height: 0, "aria-hidden": "true" }, svg("defs", null, KINDS.map(pattern)))));
  }
  return `url(#hatch-${KINDS.includes(kind) ? kind : "unknown"})`;
}

function pattern(kind) {
  const [size, wide] = kind === "stopped" ? [5, 1.25] : [5.6, 1.5];
  return svg("pattern", { id: `hatch-${kind}`, class: `hatch is-${kind}`, patternUnits: "userSpaceOnUse", width: size, height: size, patternTransform: "rotate(45)" },
    svg("line", { x1: size / 2, y1: 0, x2: size / 2, y2: size, "stroke-width": wide }));
}
