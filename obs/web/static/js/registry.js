// Which panels there are and where they stand: wide pages have two columns, narrow ones a single order.

import { panel as agents } from "./panels/agents.js";
import { panel as briefing } from "./panels/briefing.js";
import { panel as changes } from "./panels/changes.js";
import { panel as funnel } from "./panels/funnel.js";
import { panel as issue } from "./panels/issue.js";
import { panel as issues } from "./panels/issues.js";
import { panel as llm } from "./panels/llm.js";
import { panel as observer } from "./panels/observer.js";
import { panel as outside } from "./panels/outside.js";
import { panel as pnl } from "./panels/pnl.js";
import { panel as rhythm } from "./panels/rhythm.js";
import { panel as tail } from "./panels/tail.js";

/**
 * In the order of a narrow page, most important first. `place`: `left` (8 of 12), `right` (4 of 12), `span` (all),
 * `pair` (two beside one another in the left column). `anchor`: its id, when a tab of the phone leads to it
 * (`bots`, `money`, `log`, `briefing`).
 * @type {Array<{name: string, make: (ctx: Object) => {el: Element, draw: Function}, place: "left"|"right"|"span"|"pair", anchor?: string}>}
 */
export const PANELS = [
  { name: "issues", make: issues, place: "left" },
  { name: "changes", make: changes, place: "right" },
  { name: "briefing", make: briefing, place: "right" },
  { name: "rhythm", make: rhythm, place: "left", anchor: "bots" },
  { name: "pnl", make: pnl, place: "pair", anchor: "money" },
  { name: "llm", make: llm, place: "pair" },
  { name: "funnel", make: funnel, place: "right" },
  { name: "agents", make: agents, place: "left" },
  { name: "observer", make: observer, place: "right" },
  { name: "outside", make: outside, place: "right" },
  { name: "tail", make: tail, place: "span", anchor: "log" },
];

/** The view of one issue: `{el, draw(page, state), open(id)}`. */
export const issueView = issue;
