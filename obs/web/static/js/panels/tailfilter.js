// What of the tail is shown: words and `key:value` terms of the filter field, and the chips beside it.

const RANKS = { TRACE: 1, DEBUG: 5, INFO: 9, WARN: 13, WARNING: 13, ERROR: 17, FATAL: 21, CRITICAL: 21 };
const WARN = RANKS.WARN;
const TRADING = /^(order|stop|trade|fill)s?[._](?!books?\b)/; // an order book is no order

/** @typedef {{key: string, value: string, isNot: boolean}} Term */

/** How grave a severity is; what is not known ranks as INFO. @param {string} severity */
export function rank(severity) {
  // `ERROR2` is OpenTelemetry's finer grade of ERROR.
  return RANKS[String(severity).toUpperCase().replace(/\d$/, "")] ?? RANKS.INFO;
}

/**
 * The terms of a filter: `symbol:BTC -heartbeat "two words"`; all must hold, a minus turns one round.
 * @param {string} text @returns {Term[]}
 */
export function terms(text) {
  const found = [];
  for (const [, minus, key, quoted, word] of text.matchAll(/(-?)(?:([\w.]+):)?(?:"([^"]*)"?|(\S+))/g)) {
    const value = (quoted ?? word ?? "").toLowerCase();
    if (value) found.push({ key: (key ?? "").toLowerCase(), value, isNot: minus === "-" });
  }
  return found;
}

/** The words of a row, as a reader sees them, in lower case. */
export function textOf(row) {
  return (row.text ?? []).map((span) => span.text ?? "").join("");
}

function holds(row, { key, value }) {
  const of = (field) => String(field ?? "").toLowerCase();
  switch (key) {
    case "service": case "bot": return of(row.service).includes(value);
    case "component": return of(row.component).includes(value);
    case "severity": return rank(row.severity) >= rank(value);
    case "issue": return of(row.issue).includes(value);
    case "event": return of(row.event_name).includes(value);
    case "id": return of(row.id).includes(value);
    // A symbol stands in the text of the line, as the bot wrote it: `BTC/USDT`, `symbol=BTC-USDT`.
    case "symbol": return of(textOf(row)).includes(value);
    case "": return of(textOf(row)).includes(value) || of(row.id) === value || of(row.component).includes(value);
    default: return of(textOf(row)).includes(`${key}=${value}`) || of(textOf(row)).includes(`${key}:${value}`);
  }
}

/** Whether a line is about an order or a trade; that a position still stands is no news. */
export function isTrading(row) {
  return TRADING.test(row.event_name || textOf(row));
}

/**
 * What decides whether a row is shown. The two chips widen each other: both on is *warnings and above, and orders*.
 * @param {{text: string, warnings: boolean, orders: boolean, bot: string, component: string, issue: string}} choice
 * @returns {(row: Object) => boolean}
 */
export function filter(choice) {
  const wanted = terms(choice.text);
  return (row) => {
    if (choice.bot && row.service !== choice.bot) return false;
    if (choice.component && row.component !== choice.component) return false;
    if (choice.issue && row.issue !== choice.issue) return false;
    const isChosen = (choice.warnings && rank(row.severity) >= WARN) || (choice.orders && isTrading(row));
    if ((choice.warnings || choice.orders) && !isChosen) return false;
    return wanted.every((term) => holds(row, term) !== term.isNot);
  };
}

/** Whether a row is worth keeping for long: when thousands of lines pass, these must not be pushed out. */
export function isGrave(row) {
  return rank(row.severity) >= WARN || isTrading(row);
}
