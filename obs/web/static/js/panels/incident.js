// An incident: one cause, by what it was told apart from others, and its symptoms on one axis of time.

import { h, svg } from "../dom.js";
import { mark } from "../marks.js";
import { rich } from "../parts.js";
import { part } from "./issueparts.js";

const HIGH = 18;

/** What it is, in words. */
export function cause(ctx, incident) {
  return part(ctx.words("incident.cause"), incident.where, "", h("p", { class: "cause" }, rich(ctx, incident.cause)));
}

/** All symptoms, each with its bars; the moment the cause began is one line through all of them. */
export function symptoms(ctx, view) {
  const { incident } = view;
  const list = incident.symptoms ?? [];
  if (!list.length) return null;
  const span = Math.max(1, incident.end - incident.start);
  const began = Math.min(1, Math.max(0, (incident.began - incident.start) / span));
  const note = ctx.words("incident.note", { count: list.length, time: ctx.format.when(incident.began, ctx.now(), { seconds: true }) });
  return part(ctx.words("incident.symptoms"), note, "",
    h("table", { class: "symptoms", role: "table" },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" },
        h("th", { scope: "col", role: "columnheader", class: "symptom-what" }, ctx.words("incident.symptom")), h("th", { scope: "col", role: "columnheader", class: "symptom-where" }, ctx.words("incident.component")),
        h("th", { scope: "col", role: "columnheader", class: "symptom-axis" }, axis(ctx, incident, began)), h("th", { scope: "col", role: "columnheader", class: "symptom-count" }, h("span", { class: "only-spoken" }, ctx.words("incident.count"))))),
      h("tbody", { role: "rowgroup" }, list.map((one, n) => symptom(ctx, view, one, n, began)))));
}

function axis(ctx, incident, began) {
  const clock = (at, options) => ctx.format.clock(at, options);
  return h("span", { class: "axis", css: { "--began": `${(began * 100).toFixed(2)}%` } },
    // Two times so near one another would be written over one another: then only the cause's own stands.
    began > 0.24 && h("span", { class: "axis-start" }, clock(incident.start, { seconds: false })), h("span", { class: "axis-began" }, clock(incident.began)));
}

function symptom(ctx, view, one, n, began) {
  const isIssue = one.id && one.id !== view.row.id && (ctx.page()?.issues?.rows ?? []).some((row) => row.id === one.id);
  return h("tr", { key: one.id || n, role: "row" },
    h("th", { scope: "row", role: "rowheader", class: "symptom-what" }, h("span", { class: "symptom-name" }, mark(one.mark, { size: 14, label: ctx.words(`mark.${one.mark}`) }),
      isIssue ? h("a", { class: "link", href: ctx.issueHref(one.id) }, one.title) : h("span", null, one.title))),
    h("td", { role: "cell", class: "symptom-where" }, one.component),
    h("td", { role: "cell", class: "symptom-axis" }, bars(one.bars ?? [], began, view.row.mark)),
    h("td", { role: "cell", class: "symptom-count" }, h("span", { "aria-hidden": "true" }, "×", ctx.format.count(one.count)), h("span", { class: "only-spoken" }, ctx.words("issues.count", { count: one.count }))));
}

function bars(counts, began, cause_) {
  const most = Math.max(1, ...counts);
  const path = counts.map((count, n) => {
    if (count <= 0) return "";
    const high = (6 + ((HIGH - 8) * count) / most).toFixed(1);
    return `M${n * 3 + 0.4} ${HIGH - 1}v-${high}h2v${high}z`;
  }).join("");
  const at = `${(began * 100).toFixed(2)}%`;
  return svg("svg", { class: "symptom-bars", width: "100%", height: HIGH, "aria-hidden": "true" },
    svg("line", { class: "rhythm-dots", x1: 0, x2: "100%", y1: HIGH - 0.5, y2: HIGH - 0.5 }),
    svg("svg", { viewBox: `0 0 ${counts.length * 3} ${HIGH}`, preserveAspectRatio: "none", width: "100%", height: HIGH }, svg("path", { d: path })),
    svg("line", { class: `symptom-began is-${cause_}`, x1: at, x2: at, y1: 0, y2: HIGH }));
}
