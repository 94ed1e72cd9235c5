// The five marks: a state is a shape and a word first, a colour second. Also the icons, and the tab icon.

import { svg } from "./dom.js";

/** @typedef {"critical"|"error"|"warning"|"ok"|"unknown"} Mark */

const SHAPES = {
  critical: { fill: "M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z", cut: "M8 4.4v4.4M8 11.3v.1" },
  error: { fill: "M8 .6 15.4 8 8 15.4.6 8z", cut: "M8 4.7v3.9M8 10.9v.1" },
  warning: { line: "M8 2 14.9 13.8H1.1z", cut: "M8 6.3v3.4M8 11.7v.1", isOutlined: true },
  ok: { line: "M8 1.4a6.6 6.6 0 1 1 0 13.2A6.6 6.6 0 0 1 8 1.4z", cut: "M5 8.2l2.1 2.1L11 6.2", isOutlined: true },
  unknown: {
    line: "M8 1.4a6.6 6.6 0 1 1 0 13.2A6.6 6.6 0 0 1 8 1.4z", dash: "2.6 1.55",
    cut: "M6.3 6.4c0-2.3 3.5-2.2 3.4-.1 0 1.4-1.7 1.5-1.7 2.8M8 11.3v.1", isOutlined: true,
  },
};

/**
 * A mark; beside its word it is hidden from screen readers, alone it needs `label`.
 * @param {Mark} name @param {{size?: number, label?: string}} [options]
 */
export function mark(name, { size = 16, label = "" } = {}) {
  const shape = SHAPES[name] ?? SHAPES.unknown;
  const spoken = label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" };
  return svg("svg", { class: `mark mark-${name}`, viewBox: "0 0 16 16", width: size, height: size, fill: "none", ...spoken },
    shape.fill && svg("path", { d: shape.fill, fill: "currentColor", "stroke-linejoin": "round", stroke: "currentColor", "stroke-width": 1 }),
    shape.line && svg("path", { d: shape.line, stroke: "currentColor", "stroke-width": 1.5, "stroke-linejoin": "round", "stroke-dasharray": shape.dash }),
    svg("path", { class: "mark-cut", d: shape.cut, stroke: shape.isOutlined ? "currentColor" : "var(--bg)", "stroke-width": shape.isOutlined ? 1.5 : 1.9, "stroke-linecap": "round", "stroke-linejoin": "round" }),
  );
}

const ICONS = {
  logo: "M8 1.2a6.8 6.8 0 1 1 0 13.6A6.8 6.8 0 0 1 8 1.2zM3.4 8.2h2l1.4-3.1 2.3 5.6 1.3-2.5h2.2",
  search: "M7 2.2a4.8 4.8 0 1 1 0 9.6 4.8 4.8 0 0 1 0-9.6zM10.6 10.6l3.2 3.2",
  copy: "M7 5.4h5.6a1.3 1.3 0 0 1 1.3 1.3v5.6a1.3 1.3 0 0 1-1.3 1.3H7a1.3 1.3 0 0 1-1.3-1.3V6.7A1.3 1.3 0 0 1 7 5.4zM10.4 3.1V3.3M10.4 3.2A1.3 1.3 0 0 0 9.3 2.3H3.7A1.3 1.3 0 0 0 2.4 3.6v5.6a1.3 1.3 0 0 0 1 1.2",
  done: "M8 1.4a6.6 6.6 0 1 1 0 13.2A6.6 6.6 0 0 1 8 1.4zM5 8.2l2.1 2.1L11 6.2",
  down: "M4.2 6.2 8 10l3.8-3.8",
  back: "M10 3.5 5.5 8l4.5 4.5",
  close: "M4 4l8 8M12 4l-8 8",
  clock: "M8 1.6a6.4 6.4 0 1 1 0 12.8A6.4 6.4 0 0 1 8 1.6zM8 4.4V8l2.4 1.6",
  pulse: "M1.2 8.4h3l2-5 3.4 9 2-5.2h3.2",
  columns: "M2.6 9.5v4M6.2 3v10.5M9.8 6v7.5M13.4 2.2v11.3",
  lines: "M2.4 4h11M2.4 8h8M2.4 12h5",
  sheet: "M4 1.8h8v12.4H4zM6.2 5h3.6M6.2 8h3.6M6.2 11h2",
  deployed: "M2 13h4.2L9.6 3H14M10 13h4",
  new: "M8 4.2v7.6M4.2 8h7.6",
  worse: "M4 12l8-8M6.2 4H12v5.8",
  regressed: "M3 8.4a5 5 0 1 0 1.6-3.9L3 6M3 2.6V6h3.4",
  resolved: "M3.4 8.6l3 3 6.2-7",
  untried: "M5.6 6c0-3.2 4.9-3 4.8-.1 0 2-2.4 2-2.4 4M8 12.6v.1",
  quiet: "M3.4 8h9.2",
  ended: "M4.4 4.4h7.2v7.2H4.4z",
  pnl: "M8 3v6.4M4.8 6.2h6.4M4.8 12.6h6.4",
};

/** A line icon; always beside its word, so never spoken. @param {keyof ICONS} name @param {number} [size] */
export function icon(name, size = 16) {
  return svg("svg", { class: `icon icon-${name}`, viewBox: "0 0 16 16", width: size, height: size, fill: "none", "aria-hidden": "true" },
    svg("path", { d: ICONS[name] ?? ICONS.quiet, stroke: "currentColor", "stroke-width": 1.4, "stroke-linecap": "round", "stroke-linejoin": "round" }));
}

/** The half circle that switches the theme. */
export function themeIcon() {
  return svg("svg", { class: "icon", viewBox: "0 0 16 16", width: 16, height: 16, fill: "none", "aria-hidden": "true" },
    svg("circle", { cx: 8, cy: 8, r: 6.2, stroke: "currentColor", "stroke-width": 1.4 }),
    svg("path", { d: "M8 1.8a6.2 6.2 0 0 1 0 12.4z", fill: "currentColor" }));
}

const TAB_COLOURS = { critical: "#e0453d", error: "#d97a1e", warning: "#b98a00", ok: "#2f9e63", unknown: "#7b8491" };

/** Give the browser's tab the shape of the verdict. @param {Mark} name */
export function tabIcon(name) {
  const shape = SHAPES[name] ?? SHAPES.unknown;
  const colour = TAB_COLOURS[name] ?? TAB_COLOURS.unknown;
  const paths = [
    shape.fill && `<path d="${shape.fill}" fill="${colour}"/>`,
    shape.line && `<path d="${shape.line}" fill="none" stroke="${colour}" stroke-width="2" ${shape.dash ? `stroke-dasharray="${shape.dash}"` : ""}/>`,
    `<path d="${shape.cut}" fill="none" stroke="${shape.isOutlined ? colour : "#fff"}" stroke-width="2" stroke-linecap="round"/>`,
  ].filter(Boolean).join("");
  const data = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">${paths}</svg>`;
  const link = document.querySelector("link[rel=icon]");
  const href = `data:image/svg+xml,${encodeURIComponent(data)}`;
  if (link && link.href !== href) link.href = href;
}
