// The connection to the observer: reconnects, resumes the tail, and knows how current what is shown is.

import { readStream } from "./sse.js";

const LOST_AFTER = 5_000; // ms without a word
const SLOW_FROM = 2_000; // ms behind the bots
const CATCHING_FROM = 100_000; // bytes not read yet
const WAITS = [500, 1_000, 2_000, 3_000]; // the observer is near, and a person is waiting

/**
 * @typedef {Object} Connection
 * @property {"loading"|"live"|"slow"|"catching"|"lost"} kind
 * @property {number} asOf Unix ms (observer's clock) of the last word
 * @property {number} lostAt Unix ms (own clock) of the last word
 * @property {number} behind ms @property {number} pending bytes
 * @property {number} attempt @property {number} nextTry Unix ms (own clock), 0 while trying
 * @property {{status: number, at: number}|null} failure
 */

/**
 * @param {{query: () => Object<string, string|number>, token: () => string, onPage: (page: Object) => void,
 *   onChanged: (part: Object) => void, onEvents: (rows: Object[]) => void, onGap: (lost: number|null) => void, onState: () => void}} hooks
 */
export function stream(hooks) {
  /** @type {Connection} */
  const state = { kind: "loading", asOf: 0, lostAt: 0, behind: 0, pending: 0, attempt: 0, nextTry: 0, failure: null };
  let stop = new AbortController();
  let heard = performance.now(); // when a beat came last
  let begun = performance.now(); // when the connection was asked for
  let skew = 0; // observer's clock minus ours
  let lastSeq = "";
  let timer = 0;

  function hear(now) {
    heard = performance.now();
    state.lostAt = Date.now();
    skew = now - Date.now();
    state.asOf = now;
  }

  function settle() {
    const silent = performance.now() - heard;
    const before = state.kind;
    if (silent > LOST_AFTER && (state.asOf || state.attempt > 0)) state.kind = state.asOf ? "lost" : "loading";
    else if (!state.asOf) state.kind = "loading";
    else if (state.pending >= CATCHING_FROM) state.kind = "catching";
    else state.kind = state.behind >= SLOW_FROM ? "slow" : "live";
    if (before !== state.kind) hooks.onState();
    // A connection can be dead without having ended: a sleeping machine, a network that swallows.
    const isSilent = !state.nextTry && Math.min(silent, performance.now() - begun) > LOST_AFTER;
    if (isSilent && !stop.signal.aborted) {
      stop.abort();
      failed(0, null);
    }
  }

  function take(message) {
    if (message.id) lastSeq = message.id;
    const data = JSON.parse(message.data);
    if (message.event === "beat") {
      hear(data.now);
      Object.assign(state, { behind: data.behind_ms ?? 0, pending: data.pending_bytes ?? 0, attempt: 0 });
      hooks.onState();
    } else if (message.event === "page") {
      // Only a beat tells that the observer lives; the very first page comes just before one.
      if (data.changed) hooks.onChanged({ ...data.changed, taken_at: data.taken_at });
      else {
        if (!state.asOf) Object.assign(state, { asOf: data.taken_at, lostAt: Date.now() });
        if (state.kind === "loading") heard = performance.now();
        hooks.onPage(data);
      }
    } else if (message.event === "events") {
      hooks.onEvents(data);
    } else if (message.event === "gap") hooks.onGap(data.lost);
    settle();
  }

  async function connect() {
    stop = new AbortController();
    begun = performance.now();
    Object.assign(state, { nextTry: 0 });
    hooks.onState();
    const headers = {};
    if (hooks.token()) headers.Authorization = `Bearer ${hooks.token()}`;
    if (lastSeq) headers["Last-Event-ID"] = lastSeq;
    const { signal } = stop;
    try {
      await readStream(`api/stream?${new URLSearchParams(hooks.query())}`, {
        headers, signal, onMessage: take,
        onOpen: () => { state.failure = null; },
      });
      failed(0, signal);
    } catch (error) {
      failed(error.status ?? 0, signal);
    }
  }

  function failed(status, signal) {
    if (signal?.aborted) return;
    const wait = WAITS[Math.min(state.attempt, WAITS.length - 1)];
    state.attempt += 1;
    // A little disorder keeps many pages from knocking at the same moment.
    state.nextTry = Date.now() + wait * (0.85 + Math.random() * 0.3);
    state.failure = { status, at: Date.now() + skew };
    timer = setTimeout(connect, state.nextTry - Date.now());
    settle();
    hooks.onState();
  }

  function again(isOther) {
    if (isOther) lastSeq = "";
    stop.abort();
    clearTimeout(timer);
    connect();
  }

  function look() {
    if (document.visibilityState === "visible" && performance.now() - heard > LOST_AFTER) again(false);
  }

  const watch = setInterval(settle, 500);
  document.addEventListener("visibilitychange", look);
  addEventListener("online", look);
  connect();
  return {
    state,
    /** Now, by the observer's clock. */
    now: () => Date.now() + skew,
    /** Ask again at once: after `Retry now`, or with another language or reading time; `isOther`: for another bot. */
    again,
    close() {
      stop.abort();
      clearTimeout(timer);
      clearInterval(watch);
      document.removeEventListener("visibilitychange", look);
      removeEventListener("online", look);
    },
  };
}
