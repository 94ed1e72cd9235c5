// Repeats become one line: the newest stands, with how often it was seen in the last 60 s.

import { textOf } from "./tailfilter.js";

const WINDOW = 60_000; // ms
const MOST_LINES = 500;
const MOST_TIMES = 2_000; // of one line within the window

/** @typedef {{id: number, key: string, row: Object, times: number[]}} Line */

/** Of an issue the numbers may differ (order ids, prices); without one only the same words are the same thing. */
function keyOf(row) {
  const text = textOf(row);
  return [row.service, row.component, row.severity, row.issue, row.issue ? text.replace(/\d+/g, "#") : text].join("\n");
}

/** The lines of the tail, newest last, at most 500. */
export function folding() {
  /** @type {Map<number, Line>} by its number, in the order of the newest row of each */
  const lines = new Map();
  /** @type {Map<string, Line>} the line that a further row of the kind would join */
  const open = new Map();
  let serial = 0;
  return {
    get size() { return lines.size; },
    clear() {
      lines.clear();
      open.clear();
    },
    /** @returns {Line[]} newest first */
    newestFirst() { return [...lines.values()].reverse(); },
    /** @param {Object} row the newest one */
    add(row) {
      const key = keyOf(row);
      const known = open.get(key);
      const isNear = known && lines.has(known.id) && row.at - known.row.at <= WINDOW;
      const line = isNear ? known : { id: (serial += 1), key, row, times: [] };
      line.row = row;
      line.times = line.times.filter((at) => row.at - at <= WINDOW).slice(1 - MOST_TIMES);
      line.times.push(row.at);
      lines.delete(line.id);
      lines.set(line.id, line);
      open.set(key, line);
      if (lines.size <= MOST_LINES) return;
      const [oldest] = lines.values();
      lines.delete(oldest.id);
      if (open.get(oldest.key) === oldest) open.delete(oldest.key);
    },
  };
}
