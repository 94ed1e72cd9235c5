// The issues, the weightiest first. While pointer or focus is in the list its order waits; when none is open,
// the checks that passed stand here instead: silence must be proven.

import { h, make, patch } from "../dom.js";
import { mark } from "../marks.js";
import { age, badge, bars, clock, command, money, rich, whole } from "../parts.js";
import { empty, section } from "../section.js";

const POINTED_FOR = 60_000; // ms
const PHONE = matchMedia("(max-width: 719.98px)");

/** @param {Object} ctx */
export function panel(ctx) {
  const { words } = ctx;
  const frame = section(ctx, "issues", { bones: 8 });
  const list = make(h("ol", { class: "issue-list" }));
  const order = heldOrder(list, ctx.repaint);
  let isQuietShown = false;
  let current = ""; // the row the keyboard is on

  list.addEventListener("focusin", (event) => { current = event.target.closest("[data-issue]")?.dataset.issue ?? current; ctx.repaint(); });
  for (const [key, step] of [["J", 1], ["K", -1]]) ctx.keys.on(key, () => move(step));
  ctx.currentIssue = () => (list.contains(document.activeElement) ? current : "");

  function move(step) {
    if (ctx.route().issue) return false;
    const rows = [...list.querySelectorAll("[data-issue]")].filter((row) => row.offsetParent);
    const at = rows.findIndex((row) => row === document.activeElement);
    const from = at < 0 ? rows.findIndex((row) => row.dataset.issue === current) - (current ? 0 : 0) : at;
    const next = rows[Math.min(rows.length - 1, Math.max(0, at < 0 && from < 0 ? 0 : from + step))];
    next?.focus();
    return undefined;
  }

  function draw(page, state) {
    const issues = page?.issues;
    const isCalm = issues && !issues.rows.length;
    const rows = issues ? order.of(issues.rows) : [];
    frame.draw(state, head(page, issues, isCalm), () => (isCalm ? calm(issues) : open(page, issues, rows)));
  }

  function head(page, issues, isCalm) {
    if (!issues) return {};
    if (isCalm) {
      if (!issues.checks.length) return {};
      return { title: words("issues.none"),
        note: issues.checked > 0 && [words("issues.checks", { count: issues.checks.length }), " ", age(issues.checked), " ", words("issues.ago")],
        tools: issues.ahead?.length > 0 && h("span", { class: "issues-ahead" }, rich(ctx, issues.ahead)) };
    }
    // On a phone the verdict is the first issue, unless it is that nothing can be said.
    const isFirstAbove = PHONE.matches && ctx.state().kind !== "lost" && issues.rows.some((row) => row.id === page.verdict.plan);
    const count = issues.rows.length + (issues.more ?? 0) - (isFirstAbove ? 1 : 0);
    return {
      note: isFirstAbove && count === 0 ? words("issues.only_verdict") : [words(isFirstAbove ? "issues.note_more" : "issues.note", { count }), issues.order].filter(Boolean).join(", "),
      tools: order.isWaiting ? h("span", { class: "quiet" }, words("issues.waiting")) : h("span", { class: "issue-keys", "aria-hidden": "true" },
        h("kbd", null, "J"), h("kbd", null, "K"), words("issues.move"), h("kbd", null, "↵"), words("issues.open")),
    };
  }

  function open(page, issues, rows) {
    if (!rows.some((row) => row.id === current)) current = rows[0]?.id ?? "";
    patch(list, rows.map((row) => issueRow(row, page)));
    const beyond = issues.more > 0 && h("p", { key: "beyond", class: "issues-quiet" }, words("issues.beyond", { count: issues.more }), " ", command(ctx, "obs issues"));
    return [list, beyond, quiet(issues)];
  }

  function quiet(issues) {
    if (!issues.quiet.length) return null;
    return h("div", { key: "quiet", class: "issues-quiet" }, h("p", null, quietLine(issues)), isQuietShown && quietList(issues));
  }

  function quietLine(issues) {
    return [h("span", null, words("issues.quiet", { count: issues.quiet.length })), " ",
      h("button", { type: "button", class: "link", "aria-expanded": String(isQuietShown), "aria-controls": "quiet-issues",
        onclick: () => { isQuietShown = !isQuietShown; ctx.repaint(); } }, words(isQuietShown ? "issues.hide" : "issues.show"))];
  }

  function quietList(issues) {
    return h("ol", { key: "quiet-list", class: "issue-list", id: "quiet-issues" }, issues.quiet.map((row) => issueRow(row, null)));
  }

  function calm(issues) {
    if (!issues.checks.length) return [empty(words("issues.empty")), quiet(issues)];
    return [h("ul", { class: "check-list", css: { "--rows": String(Math.ceil((issues.checks.length + Math.min(1, issues.quiet.length)) / 3)) } },
      issues.checks.map((check, index) => h("li", { key: index, class: "check" }, mark(check.mark ?? "ok", { size: 13, label: words(`mark.${check.mark ?? "ok"}`) }),
        h("span", { class: "check-text" }, check.text), h("span", { class: "check-value" }, rich(ctx, check.value)))),
      issues.quiet.length > 0 && h("li", { key: "quiet", class: "check check-quiet" }, quietLine(issues))), isQuietShown && quietList(issues)];
  }

  function issueRow(row, page) {
    const isCurrent = page && row.id === current && !PHONE.matches && ctx.state().kind !== "lost";
    return h("li", { key: row.id, class: page && row.id === page.verdict.plan && ctx.state().kind !== "lost" ? "is-verdict" : null },
      h("a", { class: `issue-row${isCurrent ? " is-current" : ""}${row.is_closed ? " is-closed" : ""}`, href: ctx.issueHref(row.id), "data-issue": row.id },
        h("span", { class: "issue-mark" }, mark(row.mark, { label: words(`mark.${row.mark}`) })),
        h("span", { class: "issue-title" }, whole(ctx, row.title)),
        h("span", { class: "issue-todo" }, h("span", { class: "issue-service" }, row.service), row.todo && h("span", { class: "issue-do" }, h("span", { class: "arrow", "aria-hidden": "true" }, "→"), " ", whole(ctx, row.todo))),
        h("span", { class: "issue-bars" }, row.bars?.length > 0 && bars(row.bars, { width: 75, height: 18 })),
        h("span", { class: "issue-life" }, badge(row.life)),
        h("span", { class: "issue-count" }, h("span", { "aria-hidden": "true" }, "×", ctx.format.count(row.count)), h("span", { class: "only-spoken" }, words("issues.count", { count: row.count }))),
        h("span", { class: "issue-meta", "aria-hidden": "true" }, [row.service, row.life?.text, `×${ctx.format.count(row.count)}`].filter(Boolean).join(" · ")),
        h("span", { class: "issue-money" }, money(ctx, row.amount)),
        h("span", { class: "issue-why" }, row.why_money),
        h("span", { class: "issue-age" }, age(row.since, { "data-form": "short" })),
        h("span", { class: "issue-since" }, ctx.state().kind === "lost" ? "" : clock(ctx, row.since))));
  }

  PHONE.addEventListener("change", ctx.repaint);
  return { el: frame.el, draw };
}

/** The order of rows, held while pointer or focus is in the list: new ones come last, gone ones stay. */
function heldOrder(list, released) {
  let held = null; // the rows as they stood, or null
  let last = [];
  let moved = -Infinity; // when the pointer last moved over the list
  let drawn = -Infinity;

  function look() {
    // A pointer that was left lying there is no reader.
    const isPointed = performance.now() - moved < POINTED_FOR && list.matches(":hover");
    const now = isPointed || (list.contains(document.activeElement) && document.hasFocus());
    if (now && !held) held = last;
    if (!now && held) { held = null; released(); }
  }

  list.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") { moved = performance.now(); if (!held) look(); } });
  for (const event of ["pointerleave", "focusin", "focusout"]) list.addEventListener(event, () => setTimeout(look));
  return {
    isWaiting: false,
    of(rows) {
      // Whoever comes back from an issue sees what is true now.
      if (performance.now() - drawn > 3_000) { held = null; last = rows; }
      drawn = performance.now();
      look();
      if (!held) {
        this.isWaiting = false;
        last = rows;
        return rows;
      }
      const fresh = new Map(rows.map((row) => [row.id, row]));
      held = held.map((row) => fresh.get(row.id) ?? { ...row, is_closed: true });
      const known = new Set(held.map((row) => row.id));
      held = [...held, ...rows.filter((row) => !known.has(row.id))];
      this.isWaiting = held.length !== rows.length || held.some((row, index) => row.id !== rows[index].id);
      last = rows;
      return held;
    },
  };
}
