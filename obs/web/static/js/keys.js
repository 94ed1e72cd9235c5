// The keyboard: one letter, one action; silent while typing and in dialogs, and can be switched off.

const TYPING = "input:not([type=checkbox]):not([type=radio]):not([type=button]), textarea, select, [contenteditable]";
/** Keys that mean something else on a button or link: those keep their own meaning there. */
const PRESSES = new Set(["Enter", "Space"]);

/** @param {{shortcuts: boolean}} prefs */
export function keyboard(prefs) {
  /** @type {Map<string, Array<(event: KeyboardEvent) => boolean|void>>} */
  const bound = new Map();

  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
    // Escape always works: it leads out, also out of a field.
    if (key !== "Escape") {
      if (!prefs.shortcuts && !["Enter"].includes(key)) return;
      if (event.target.closest?.(TYPING) || document.querySelector("dialog[open]")) return;
      if (PRESSES.has(key) && event.target.closest?.("a, button, summary, [role=button]")) return;
    }
    for (const action of [...(bound.get(key) ?? [])].reverse()) {
      if (action(event) === false) continue;
      event.preventDefault();
      return;
    }
  });

  return {
    /**
     * Bind a key; the newest binding is asked first, and one that returns false passes it on.
     * @param {string} key `J`, `/`, `Space`, `Enter`, `Escape` @param {(event: KeyboardEvent) => boolean|void} action
     * @returns {() => void} unbinds it
     */
    on(key, action) {
      bound.set(key, [...(bound.get(key) ?? []), action]);
      return () => bound.set(key, (bound.get(key) ?? []).filter((other) => other !== action));
    },
    clear() { bound.clear(); },
  };
}
