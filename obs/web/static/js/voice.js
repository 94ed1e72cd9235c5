// The one live region: it speaks changes of the verdict and nothing else, at most once in 30 s.

const GAP = 30_000;

/** @param {Element} region */
export function voice(region) {
  let said = "";
  let saidAt = -GAP;
  let waiting = null;
  let timer = 0;

  function speak() {
    if (!waiting || waiting.text === said) return;
    ({ text: said } = waiting);
    saidAt = performance.now();
    region.setAttribute("aria-live", waiting.isUrgent ? "assertive" : "polite");
    region.textContent = said;
    waiting = null;
  }

  /** @param {string} key what makes a verdict a new one: its mark and subject @param {string} text @param {boolean} isUrgent */
  return function tell(key, text, isUrgent) {
    if (tell.key === key) return;
    const isFirst = tell.key === undefined;
    tell.key = key;
    // The first verdict is the heading, which a screen reader reads anyway.
    if (isFirst) { said = text; return; }
    waiting = { text, isUrgent };
    clearTimeout(timer);
    timer = setTimeout(speak, Math.max(0, saidAt + GAP - performance.now()));
  };
}
