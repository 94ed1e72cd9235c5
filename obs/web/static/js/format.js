// Amounts, durations, clock times and counts as the page writes them, in English and Korean.
// Text from the server is already rounded; here ages grow, and no-break spaces keep a number with its unit.

const NBSP = "\u00a0";
const MINUS = "\u2212";
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS = {
  en: { ms: `${NBSP}ms`, s: `${NBSP}s`, min: `${NBSP}min`, h: `${NBSP}h`, day: `${NBSP}day`, days: `${NBSP}days` },
  ko: { ms: `${NBSP}ms`, s: "초", min: "분", h: "시간", day: "일", days: "일" },
};
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/**
 * @typedef {Object} Format
 * @property {(ms: number, options?: {tenths?: boolean}) => string} duration `48 s`, `6 min`, `2 h 14 min`, `18 days`
 * @property {(ms: number) => string} offset `−4 ms`, `−9.6 s`, `+1 min 52 s`
 * @property {(ms: number, options?: {seconds?: boolean, millis?: boolean, date?: boolean}) => string} clock time of day
 * @property {(ms: number) => string} date `12 Nov`, `11월 12일`
 * @property {(ms: number, now: number) => string} when the time of day, with its date when that is not the day around now
 * @property {(value: number) => string} count `1,684`
 * @property {(value: number, digits?: number) => string} signed `+38.40`, `−12,400`
 * @property {(amount: {text: string, currency?: string}) => [string, string]} money text and unit, apart
 * @property {(amount: {text: string, currency?: string}) => string} amount `1,240.50 USDT`, `1,420,000원`
 * @property {(words: string) => string} keep spaces between a number and its unit never break
 */

/**
 * @param {"en"|"ko"} lang @param {() => number} east minutes east of UTC in which times are shown
 * @returns {Format}
 */
export function formats(lang, east) {
  const unit = UNITS[lang] ?? UNITS.en;

  function duration(ms, { tenths = false } = {}) {
    const age = Math.max(0, ms);
    if (tenths && age < 10 * SECOND) return `${(age / SECOND).toFixed(1)}${unit.s}`;
    if (age < MINUTE) return `${Math.floor(age / SECOND)}${unit.s}`;
    if (age < HOUR) return `${Math.floor(age / MINUTE)}${unit.min}`;
    if (age < 2 * DAY) return two(age, HOUR, unit.h, MINUTE, unit.min);
    const days = Math.floor(age / DAY);
    return `${count(days)}${days === 1 ? unit.day : unit.days}`;
  }

  function two(age, large, largeUnit, small, smallUnit) {
    const first = `${Math.floor(age / large)}${largeUnit}`;
    const rest = Math.floor((age % large) / small);
    return rest ? `${first}${NBSP}${rest}${smallUnit}` : first;
  }

  /** How far from a moment: milliseconds where tenths of a second would be none, seconds while they count. */
  function offset(ms) {
    const far = Math.abs(ms);
    const sign = ms < 0 ? MINUS : "+";
    if (far < SECOND / 10) return `${sign}${Math.round(far)}${unit.ms}`;
    if (far < MINUTE) return `${sign}${(far / SECOND).toFixed(1)}${unit.s}`;
    const rest = far < 10 * MINUTE ? Math.floor((far % MINUTE) / SECOND) : 0;
    return `${sign}${duration(far)}${rest ? `${NBSP}${rest}${unit.s}` : ""}`;
  }

  /** The moment in the page's zone, in the UTC fields of a Date. */
  function local(ms) {
    return new Date(ms + east() * MINUTE);
  }

  function clock(ms, { seconds = true, millis = false } = {}) {
    return local(ms).toISOString().slice(11, millis ? 23 : seconds ? 19 : 16);
  }

  function date(ms) {
    const day = local(ms);
    return lang === "ko"
      ? `${day.getUTCMonth() + 1}월${NBSP}${day.getUTCDate()}일`
      : `${day.getUTCDate()}${NBSP}${MONTHS[day.getUTCMonth()]}`;
  }

  // A time of day says enough while it came or comes only once within the day around now.
  function when(ms, now, options = { seconds: false }) {
    return Math.abs(now - ms) < 20 * HOUR ? clock(ms, options) : `${date(ms)} ${clock(ms, { seconds: false })}`;
  }

  function count(value) {
    return String(Math.trunc(value)).replace("-", MINUS).replace(/\B(?=(\d{3})+$)/g, ",");
  }

  function signed(value, digits = 2) {
    const [whole, part] = Math.abs(value).toFixed(digits).split(".");
    const sign = value > 0 ? "+" : value < 0 ? MINUS : "";
    return sign + count(Number(whole)) + (part ? `.${part}` : "");
  }

  function money({ text, currency = "" }) {
    if (!currency || text === "?" || text === "—") return [text, text === "—" ? "" : currency];
    return [text, lang === "ko" && currency === "KRW" ? "원" : currency];
  }

  function amount(value) {
    const [text, currency] = money(value);
    if (!currency) return text;
    return currency === "원" ? `${text}원` : `${text}${NBSP}${currency}`;
  }

  /** Keep `6 min`, `1,240.50 USDT` together wherever a number is followed by a short unit. */
  function keep(words) {
    return words.replace(/(\d) (?=(?:ms|s|min|h|days?|tok|[A-Z]{3,5})\b)/g, `$1${NBSP}`);
  }

  return { duration, offset, clock, date, when, count, signed, money, amount, keep };
}
