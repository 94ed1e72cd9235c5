// Small parts that several panels draw: sentences, money, badges, ages, rhythm bars, commands to copy.

import { h, svg } from "./dom.js";
import { icon, mark } from "./marks.js";

/** @typedef {{text?: string, style?: string, since?: number, until?: number, clock?: number, link?: string}} Span */

/**
 * An age that grows by itself (`6 min`), or the time of day when the page is stale; see ages.js.
 * @param {number} since Unix ms
 */
export function age(since, attrs = {}) {
  return since ? h("time", { ...attrs, "data-since": since }) : "—";
}

/** How long until a moment. @param {number} until Unix ms */
export function until(moment, attrs = {}) {
  return h("time", { ...attrs, "data-until": moment });
}

/** A time of day in the page's zone, with the date when it is another day. @param {number} at Unix ms */
export function clock(ctx, at, options) {
  return at ? h("time", { datetime: new Date(at).toISOString() }, ctx.format.when(at, ctx.now(), options)) : "—";
}

/** Text in which numbers stay with their units and the names of bots never break. @param {string} text */
export function whole(ctx, text) {
  const names = (ctx.page()?.bots ?? []).map((bot) => bot.name).filter((name) => text.includes(name)).sort((one, other) => other.length - one.length);
  if (!names.length) return ctx.format.keep(text);
  const pattern = new RegExp(`(${names.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`);
  return text.split(pattern).map((part, index) => (index % 2 ? h("span", { class: "whole" }, part) : ctx.format.keep(part)));
}

/** A sentence of the server, run by run. @param {Span[]} spans */
export function rich(ctx, spans) {
  return (spans ?? []).map((span) => {
    let inside = span.text ? whole(ctx, span.text) : "";
    if (span.since) inside = age(span.since);
    else if (span.until) inside = until(span.until);
    else if (span.clock) inside = clock(ctx, span.clock, { seconds: span.clock % 60_000 >= 1000 });
    if (span.link) return h("a", { class: "rich-link", href: ctx.issueHref(span.link) }, inside);
    if (span.style === "strong") return h("strong", null, inside);
    if (span.style === "code") return h("code", { class: "rich-code" }, inside);
    if (span.style === "quiet" || span.style === "foreign") return h("span", { class: `rich-${span.style}` }, inside);
    return h("span", null, inside);
  });
}

/** Money: the number strong, the currency small. @param {{text: string, currency?: string}|null} amount */
export function money(ctx, amount, attrs = {}) {
  if (!amount) return "—";
  const [text, unit] = ctx.format.money(amount);
  return h("span", { ...attrs, class: `amount ${attrs.class ?? ""}`.trim(), flash: true },
    h("span", { class: "figure-number" }, text), unit && h("span", { class: "currency" }, unit === "원" ? unit : `\u00a0${unit}`));
}

/** @param {{text: string, is_loud?: boolean, is_foreign?: boolean}|null} badge */
export function badge(badge) {
  if (!badge) return "";
  return h("span", { class: `badge${badge.is_loud ? " is-loud" : ""}${badge.is_foreign ? " is-foreign" : ""}` }, badge.text);
}

/** A mark and its word in the mark's colour. */
export function marked(name, ...children) {
  return name ? h("span", { class: `marked is-${name}` }, mark(name), " ", children) : children;
}

/**
 * Counts over time as bars above a dotted base line, oldest first.
 * @param {number[]} counts @param {{width?: number, height?: number}} [size]
 */
export function bars(counts, { width = 72, height = 20 } = {}) {
  const most = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length);
  return svg("svg", { class: "bars", viewBox: `0 0 ${width} ${height}`, width, height, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "base", d: `M0 ${height - 0.5}H${width}` }),
    counts.map((count, index) => {
      if (count <= 0) return null;
      const tall = Math.max(2, (count / most) * (height - 2));
      return svg("rect", { key: index, x: (index * step + 0.4).toFixed(2), y: (height - tall).toFixed(2), width: Math.max(1, step - 1.2).toFixed(2), height: tall.toFixed(2) });
    }));
}

/** A command that a press copies. @param {string} text */
export function command(ctx, text) {
  return h("button", { type: "button", class: "command", "aria-label": ctx.words("copy.command", { command: text }), onclick: () => ctx.copy(text) },
    h("span", null, text), icon("copy", 13));
}
