// Ages grow while nothing else changes: once a second this rewrites the text of every <time data-since>.

const FINE_FOR = 100_000; // ms: what was this fresh when the observer fell silent is told to the second

/**
 * @param {{format: import("./format.js").Format, now: () => number, state: () => {kind: string, asOf: number}}} ctx
 * @param {ParentNode} root
 */
export function tick(ctx, root = document) {
  const now = ctx.now();
  const { kind, asOf } = ctx.state();
  const isStale = kind === "lost";
  for (const element of root.querySelectorAll("time[data-since], time[data-until]")) {
    const { since, until } = element.dataset;
    const moment = Number(since ?? until);
    const text = isStale ? ctx.format.when(moment, now, { seconds: asOf - moment < FINE_FOR && element.dataset.form !== "short" })
      : ctx.format.duration(since ? now - moment : moment - now, { tenths: Boolean(since) && now - moment < 1_000 });
    // The text node is kept, so that a selection across it survives.
    if (element.firstChild?.nodeType === Node.TEXT_NODE) {
      if (element.firstChild.data !== text) element.firstChild.data = text;
    } else element.textContent = text;
  }
}
